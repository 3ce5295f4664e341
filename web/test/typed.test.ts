import { describe, expect, it } from 'vitest';
import { addressOf, linkedMessage, parseAddress } from '../src/lib/address';
import { complete, completions, triggerAt } from '../src/lib/completion';
import { EMOJI, emojiName, findEmoji, withEmoji } from '../src/lib/emoji';
import { earlierBy, laterBy, sliceFrom, SHOWN_LIMIT } from '../src/lib/list-window';
import { Names } from '../src/lib/mentions';
import { message, messages } from './support/messages';

const ann = { id: 'u1', name: 'Ann' };
const lee = { id: 'u2', name: 'ann lee' };
const wei = { id: 'u3', name: '王伟' };
const people = [ann, lee, wei];

describe('mentions', () => {
  const names = new Names(people);
  const split = (text: string): string[] => names.split(text).map(({ text: part, user }) => (user ? `<${user.id} ${part}>` : part));

  it.each([
    ['hello @ann', ['hello ', '<u1 @ann>']],
    ['@Ann Lee, and @ANN!', ['<u2 @Ann Lee>', ', and ', '<u1 @ANN>', '!']],
    ['@annabel', ['@annabel']],
    ['mail ann@ann', ['mail ann@ann']],
    ['请@王伟看', ['请', '<u3 @王伟>', '看']],
    ['@@ann', ['@', '<u1 @ann>']],
    ['@', ['@']],
  ])('%j', (text, expected) => {
    expect(split(text)).toEqual(expected);
    expect(names.split(text).map((part) => part.text).join('')).toBe(text);
  });

  it('tells who is meant', () => {
    expect(names.mentions('hi @ann lee', 'u2')).toBe(true);
    expect(names.mentions('hi @ann lee', 'u1')).toBe(false);
  });
});

describe('completion', () => {
  it.each([
    ['@', '@', ''],
    ['hi @an', '@', 'an'],
    ['(@ann le', '@', 'ann le'],
    ['hi :smi', ':', 'smi'],
  ])('offers something after %j', (text, kind, query) => {
    expect(triggerAt(text, text.length)).toEqual({ kind, query, begin: text.length - query.length - 1 });
  });

  it.each(['', 'hi', 'a@b', '10:30', 'a :', ': )', '@ann\n'])('offers nothing after %j', (text) => {
    expect(triggerAt(text, text.length)).toBeUndefined();
  });

  it('offers nothing where the whole name has been typed', () => {
    expect(completions({ kind: '@', begin: 0, query: 'ann lee' }, people, 'u3')).toEqual([]);
    expect(completions({ kind: '@', begin: 0, query: 'ann' }, people, 'u3').map(({ label }) => label)).toEqual(['Ann', 'ann lee']);
  });

  it('finds people by any word of their name, without oneself, and puts the name in', () => {
    const trigger = triggerAt('hi @le!', 6);
    const choices = trigger ? completions(trigger, people, 'u1') : [];
    expect(choices.map(({ label }) => label)).toEqual(['ann lee']);
    expect(trigger && choices[0] && complete('hi @le!', 6, trigger, choices[0])).toEqual({ text: 'hi @ann lee !', caret: 12 });
  });
});

describe('emoji', () => {
  it('each has a name of its own, and can be a reaction', () => {
    expect(EMOJI.length).toBeGreaterThanOrEqual(120);
    expect(new Set(EMOJI.map(({ name }) => name)).size).toBe(EMOJI.length);
    expect(new Set(EMOJI.map(({ char }) => char)).size).toBe(EMOJI.length);
    for (const { char } of EMOJI) expect(char, char).toMatch(/^[^\p{L}\s]{1,12}$/u);
  });

  it('is found by name and by other words', () => {
    expect(findEmoji('tad')[0]?.char).toBe('🎉');
    expect(findEmoji('party')[0]?.name).toBe('partying');
    expect(findEmoji('nothing like it')).toEqual([]);
    expect(emojiName('🎉')).toBe('tada');
  });

  it('is put in where its name was written, save in code', () => {
    expect(withEmoji('done :tada: `:tada:` 10:30:40 :no_such:')).toBe('done 🎉 `:tada:` 10:30:40 :no_such:');
  });
});

describe('the address', () => {
  it.each([
    ['', {}],
    ['#tea', { room: 'tea' }],
    ['#room=tea&seq=12', { room: 'tea', seq: 12 }],
    ['#room=tea&seq=x', { room: 'tea' }],
    ['#invite=s3cret', { invite: 's3cret' }],
    ['#%', { room: '%' }],
  ])('%j', (hash, expected) => {
    expect(parseAddress(hash)).toEqual(expected);
  });

  it('leads to a message of this very page', () => {
    const page = { origin: 'http://localhost:1', pathname: '/' };
    expect(linkedMessage(`http://localhost:1/${addressOf('tea', 3)}`, page)).toEqual({ room: 'tea', seq: 3 });
    expect(linkedMessage(`http://elsewhere/${addressOf('tea', 3)}`, page)).toBeUndefined();
    expect(linkedMessage('http://localhost:1/#tea', page)).toBeUndefined();
  });
});

describe('the part of a room that is shown', () => {
  const many = messages(1, 1_000).map((item) => (item.seq % 2 === 0 ? message(item.seq, { kind: 'reaction', target: 1 }) : item));

  it('is bounded, and counts what is spoken', () => {
    const { messages: shown, hasBefore, hasBehind } = sliceFrom(many, 101);
    expect(shown.filter(({ kind }) => kind === 'text')).toHaveLength(SHOWN_LIMIT);
    expect([shown[0]?.seq, hasBefore, hasBehind]).toEqual([101, true, true]);
    expect(sliceFrom(many, 999)).toMatchObject({ hasBefore: true, hasBehind: false });
    expect(sliceFrom(many, 1).hasBefore).toBe(false);
    expect(sliceFrom([], 5)).toMatchObject({ messages: [], hasBefore: false, hasBehind: false });
  });

  it('does not begin with a message of which it is not known what it follows', () => {
    const { messages: shown, before, hasBefore } = sliceFrom(many, 1, true);
    expect([shown[0]?.seq, before?.seq, hasBefore]).toEqual([2, 1, false]);
    expect(sliceFrom(many, 101, true)).toMatchObject({ before: { seq: 99 }, hasBefore: true });
  });

  it('moves both ways, and stays within the room', () => {
    expect(earlierBy(many, 301, 50)).toBe(201);
    expect(earlierBy(many, Infinity, 50)).toBe(901);
    expect(earlierBy(many, 30, 50)).toBe(1);
    expect(laterBy(many, 201, 50)).toBe(300);
    expect(laterBy(many, 990, 50)).toBe(1_000);
  });
});

import { describe, expect, it } from 'vitest';
import { folded } from '../src/lib/fold';
import { replyOf, textOf, type Message } from '../src/lib/protocol';
import { RoomLog } from '../src/lib/room-log';
import { message, messages } from './support/messages';

const me = 'u1';
const bob = { id: 'u2', name: 'bob' };
const edit = (seq: number, target: number, text: string): Message => message(seq, { kind: 'edit', target, body: { text } });
const remove = (seq: number, target: number): Message => message(seq, { kind: 'delete', target, body: {} });
const react = (seq: number, target: number, emoji: string, more: Partial<Message> = {}): Message =>
  message(seq, { kind: 'reaction', target, body: { emoji }, ...more });
const unreact = (seq: number, target: number, emoji: string, more: Partial<Message> = {}): Message =>
  message(seq, { kind: 'reaction', target, body: { emoji, remove: true }, ...more });
const shown = (log: RoomLog, seq: number): string => {
  const found = log.at(seq);
  return found ? textOf(found) : 'not there';
};

describe('folded', () => {
  it('takes the newest text of an edit, with what it answers', () => {
    const after = folded(message(1), message(2, { kind: 'edit', target: 1, body: { text: 'new', reply: 7 } }), me);
    expect(after).toMatchObject({ seq: 1, kind: 'text', edited: true });
    expect([textOf(after), replyOf(after)]).toEqual(['new', 7]);
  });

  it('keeps a deleted message deleted, whatever follows', () => {
    let after = folded(react1(), remove(3, 1), me);
    for (const entry of [edit(4, 1, 'back'), react(5, 1, '👍')]) after = folded(after, entry, me);
    expect(after).toEqual({ ...message(1), body: {}, deleted: true });
    expect(textOf(after)).toBe('');
  });

  it('leaves alone what an edit of a deleted message would change', () => {
    const wiped = message(2, { kind: 'edit', target: 1, body: {} });
    expect(folded(message(1), wiped, me)).toEqual(message(1));
  });

  it('counts a person once an emoji, in the order the emoji came', () => {
    let after = message(1);
    for (const entry of [
      react(2, 1, '🎉', { from: bob }),
      react(3, 1, '👍'),
      react(4, 1, '🎉'),
      react(5, 1, '🎉'),
    ]) {
      after = folded(after, entry, me);
    }
    expect(after.reactions).toEqual([
      { emoji: '🎉', count: 2, users: [bob, { id: 'u1', name: 'ann' }], mine: true },
      { emoji: '👍', count: 1, users: [{ id: 'u1', name: 'ann' }], mine: true },
    ]);
    after = folded(after, unreact(6, 1, '🎉'), me);
    after = folded(after, unreact(7, 1, '👍'), me);
    expect(after.reactions).toEqual([{ emoji: '🎉', count: 1, users: [bob] }]);
  });

  it('changes nothing for who takes away what is not there, or says what is no emoji', () => {
    const before = react1();
    expect(folded(before, unreact(9, 1, '👎'), me)).toBe(before);
    expect(folded(before, unreact(9, 1, '👍', { from: bob }), me)).toBe(before);
    expect(folded(before, message(9, { kind: 'reaction', target: 1, body: 'x' }), me)).toBe(before);
  });

  it('counts on where the server has named the first 20 alone', () => {
    const users = Array.from({ length: 20 }, (_, i) => ({ id: `p${i}`, name: `p${i}` }));
    const before = message(1, { reactions: [{ emoji: '👍', count: 30, users }] });
    expect(folded(before, unreact(2, 1, '👍', { from: bob }), me).reactions?.[0]?.count).toBe(29);
    expect(folded(before, react(2, 1, '👍', { from: bob }), me).reactions?.[0]?.count).toBe(31);
  });

  function react1(): Message {
    return folded(message(1), react(2, 1, '👍'), me);
  }
});

describe('a log with entries', () => {
  it('has live entries take effect, in whatever order they come', () => {
    const log = new RoomLog(() => me);
    log.reset(messages(1, 3), 3);
    log.add([edit(6, 5, 'second')]);
    log.add([message(5)]);
    expect(shown(log, 5)).toBe('not there');
    log.add([edit(4, 2, 'first')]);
    expect([shown(log, 2), shown(log, 5)]).toEqual(['first', 'second']);
    expect(log.last).toBe(6);
  });

  it('does not fold twice what came folded: an old edit does not undo a newer one', () => {
    const log = new RoomLog(() => me);
    const page = [message(1, { body: { text: 'newest' }, edited: true }), edit(2, 1, 'older')];
    log.reset(page, 9);
    expect(shown(log, 1)).toBe('newest');
  });

  it('folds what was missed into what was known', () => {
    const log = new RoomLog(() => me);
    log.reset(messages(1, 2), 2);
    log.add([edit(3, 1, 'changed meanwhile'), remove(4, 2), message(5)]);
    expect(shown(log, 1)).toBe('changed meanwhile');
    expect(log.at(2)?.deleted).toBe(true);
  });

  it('has effect on a run that it is no part of', () => {
    const log = new RoomLog(() => me);
    log.reset(messages(11, 20), 20);
    expect(log.apply(edit(90, 15, 'from far'))).toBe(true);
    expect(log.apply(edit(91, 5, 'not here'))).toBe(false);
    expect(shown(log, 15)).toBe('from far');
    expect(log.last).toBe(20);
  });
});

import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../src/lib/clock';
import { formatDay, hueOf, HUES, initials, sentence, typingText } from '../src/lib/format';
import { toRoomId, textOf } from '../src/lib/protocol';
import { Typists, TypingThrottle } from '../src/lib/typing';
import { message } from './support/messages';

describe('toRoomId', () => {
  it.each([
    ['lobby', 'lobby'],
    ['#Design Team', 'design-team'],
    ['  Crème brûlée!  ', 'creme-brulee'],
    ['--a--', 'a'],
    ['日本', ''],
    ['#', ''],
    ['x'.repeat(80), 'x'.repeat(64)],
    [`${'x'.repeat(63)} y`, 'x'.repeat(63)],
  ])('%s becomes "%s"', (typed, id) => expect(toRoomId(typed)).toBe(id));
});

describe('textOf', () => {
  it('shows a body that is not a text as it is', () => {
    expect(textOf(message(1))).toBe('line 1');
    expect(textOf(message(1, { body: { text: 7 } }))).toBe('{"text":7}');
    expect(textOf(message(1, { body: null }))).toBe('null');
  });
});

describe('people', () => {
  it.each([
    ['ann', 'A'],
    ['Ann Lindqvist', 'AL'],
    ['ann b. clark', 'AC'],
    ['👩‍🚀 mae', '👩‍🚀M'],
    ['_', '_'],
  ])('%s is shortened to %s', (name, letters) => expect(initials(name)).toBe(letters));

  it('have the same hue each time, and different ones among them', () => {
    const hues = Array.from({ length: 200 }, (_, i) => hueOf(`user ${i}`));
    expect(hues).toEqual(Array.from({ length: 200 }, (_, i) => hueOf(`user ${i}`)));
    expect(new Set(hues).size).toBe(HUES);
  });

  it('who type are named as long as they are few', () => {
    const people = ['ann', 'bob', 'cleo', 'dan', 'eve'].map((name) => ({ id: name, name }));
    expect([0, 1, 2, 3, 4, 5].map((count) => typingText(people.slice(0, count)))).toEqual([
      '',
      'ann is typing',
      'ann and bob are typing',
      'ann, bob and cleo are typing',
      'ann, bob and 2 others are typing',
      'ann, bob and 3 others are typing',
    ]);
  });
});

describe('days', () => {
  const now = new Date(2026, 2, 1, 9);

  it('are called today and yesterday, across the end of a month too', () => {
    expect(formatDay(new Date(2026, 2, 1, 0), now)).toBe('Today');
    expect(formatDay(new Date(2026, 1, 28, 23), now)).toBe('Yesterday');
  });

  it('are called by their year only where it is another', () => {
    expect(formatDay(new Date(2026, 0, 5), now)).not.toContain('2026');
    expect(formatDay(new Date(2025, 11, 31), now)).toContain('2025');
  });
});

describe('typing', () => {
  it('is said at once, at most every 3 s a room, and at once again after a line', () => {
    vi.useFakeTimers();
    const throttle = new TypingThrottle(systemClock);
    expect([throttle.keystroke('a'), throttle.keystroke('a'), throttle.keystroke('b')]).toEqual([true, false, true]);
    vi.advanceTimersByTime(2_999);
    expect(throttle.keystroke('a')).toBe(false);
    vi.advanceTimersByTime(1);
    expect(throttle.keystroke('a')).toBe(true);
    throttle.sent('a');
    expect(throttle.keystroke('a')).toBe(true);
    vi.useRealTimers();
  });

  it('is shown until 6 s after it was last said, or until the line comes', () => {
    vi.useFakeTimers();
    let shown: string[] = [];
    const typists = new Typists(systemClock, (users) => (shown = users.map(({ name }) => name)));
    typists.heard({ id: 'u1', name: 'ann' });
    vi.advanceTimersByTime(4_000);
    typists.heard({ id: 'u1', name: 'ann' });
    typists.heard({ id: 'u2', name: 'bob' });
    vi.advanceTimersByTime(5_999);
    expect(shown).toEqual(['ann', 'bob']);
    typists.stopped('u2');
    expect(shown).toEqual(['ann']);
    vi.advanceTimersByTime(1);
    expect(shown).toEqual([]);
    vi.useRealTimers();
  });
});

describe('what the server says', () => {
  it.each([
    ['wait 2s, then go on', 'Wait 2s, then go on.'],
    ['Already said.', 'Already said.'],
    ['join "tea"', 'Join "tea".'],
    ['éclair?', 'Éclair?'],
    ['', ''],
  ])('%s is told as %s', (said, told) => {
    expect(sentence(said)).toBe(told);
  });
});

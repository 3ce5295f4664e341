import { describe, expect, it } from 'vitest';
import type { Line } from '../src/lib/outbox';
import { toRows, type Row, type Shown } from '../src/lib/rows';
import { message, messages } from './support/messages';

const me = { id: 'u1', name: 'ann' };
const bob = { id: 'u2', name: 'bob' };
const at = (hour: number, minute = 0, day = 1): string => new Date(2026, 0, day, hour, minute).toISOString();

const line = (id: string, more: Partial<Line> = {}): Line => ({
  id,
  user: 'u1',
  room: 'lobby',
  text: id,
  at: new Date(2026, 0, 1, 12).getTime(),
  state: 'sending',
  ...more,
});

function rows(shown: Partial<Shown>): Row[] {
  return toRows({ messages: [], unsent: [], me, newAfter: undefined, now: new Date(2026, 0, 2), ...shown });
}

/** One word a row: its kind, or a message's text with "+" where it continues the one above. */
const outline = (list: Row[]): string[] =>
  list.map((row) => (row.type === 'message' ? `${row.continued ? '+' : ''}${row.text}` : row.type));

describe('toRows', () => {
  it('groups what one person says within a few minutes', () => {
    const list = rows({
      messages: [
        message(1, { time: at(9, 0) }),
        message(2, { time: at(9, 4) }),
        message(3, { time: at(9, 8) }),
        message(4, { time: at(9, 13) }),
        message(5, { time: at(9, 14), from: bob }),
      ],
    });
    expect(outline(list)).toEqual(['day', 'line 1', '+line 2', '+line 3', 'line 4', 'line 5']);
  });

  it('divides days, and begins a group anew after midnight', () => {
    const list = rows({ messages: [message(1, { time: at(23, 59, 1) }), message(2, { time: at(0, 1, 2) })] });
    expect(outline(list)).toEqual(['day', 'line 1', 'day', 'line 2']);
  });

  it('shows where the new begins, unless it is one’s own', () => {
    const said = [message(1, { time: at(9, 0), from: bob }), message(2, { time: at(9, 1), from: bob })];
    expect(outline(rows({ messages: said, newAfter: 1 }))).toEqual(['day', 'line 1', 'new', 'line 2']);
    expect(outline(rows({ messages: said, newAfter: 2 }))).toEqual(['day', 'line 1', '+line 2']);
    const own = said.map((item) => ({ ...item, from: me }));
    expect(outline(rows({ messages: own, newAfter: 1 }))).toEqual(['day', 'line 1', '+line 2']);
  });

  it('leaves out edits, deletions and reactions, and shows what applications say', () => {
    const list = rows({
      messages: [
        message(1, { kind: 'reaction', target: 9 }),
        message(2, { kind: 'edit', target: 9 }),
        message(3, { kind: 'x-move', body: { text: 'e4' } }),
      ],
    });
    expect(outline(list)).toEqual(['day', 'e4']);
  });

  it('puts what is unsent last, and keeps its key when it is sent', () => {
    const unsent = [line('x'), line('y', { state: 'failed', failure: 'No.' })];
    const before = rows({ messages: [message(1, { time: at(12) })], unsent });
    expect(outline(before)).toEqual(['day', 'line 1', '+x', '+y']);
    expect(before.at(-1)).toMatchObject({ state: 'failed', failure: 'Not sent. No.', seq: undefined });
    const after = rows({ messages: [message(1, { time: at(12) }), message(2, { id: 'x', time: at(12) })] });
    expect(after.at(-1)?.key).toBe(before.at(-2)?.key);
  });

  it('does not show a line twice whose message is there and whose ack is not', () => {
    const list = rows({ messages: [message(1, { id: 'x', time: at(12) })], unsent: [line('x'), line('y')] });
    expect(outline(list)).toEqual(['day', 'line 1', '+y']);
    const other = rows({ messages: [message(1, { id: 'x', from: bob, time: at(12) })], unsent: [line('x')] });
    expect(outline(other)).toEqual(['day', 'line 1', 'x']);
  });

  it('goes on with what was said before and is not shown', () => {
    const list = rows({ before: message(1, { time: at(9) }), messages: [message(2, { time: at(9, 1) })] });
    expect(outline(list)).toEqual(['+line 2']);
  });

  it('gives every row a key of its own', () => {
    const keys = rows({ messages: messages(1, 500), unsent: [line('x')], newAfter: 20 }).map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

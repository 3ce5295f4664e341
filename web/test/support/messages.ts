import type { Message } from '../../src/lib/protocol';

export function message(seq: number, more: Partial<Message> = {}): Message {
  return {
    room: 'lobby',
    seq,
    id: `m${seq}`,
    from: { id: 'u1', name: 'ann' },
    time: new Date(Date.UTC(2026, 0, 1) + seq * 1000).toISOString(),
    kind: 'text',
    body: { text: `line ${seq}` },
    ...more,
  };
}

/** Messages `from` to `to`, both included. */
export function messages(from: number, to: number): Message[] {
  return Array.from({ length: to - from + 1 }, (_, i) => message(from + i));
}

import 'fake-indexeddb/auto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConnectionLost, RequestError } from '../src/lib/client';
import { systemClock } from '../src/lib/clock';
import { Outbox } from '../src/lib/outbox';
import { IndexedDBOutboxStore, MemoryOutboxStore, type Slate, type StoredLine } from '../src/lib/outbox-store';
import type { PublishAck } from '../src/lib/protocol';

interface Attempt {
  line: StoredLine;
  accept: () => Promise<void>;
  refuse: (code: string, retryAfter?: number) => Promise<void>;
  lose: () => Promise<void>;
}

let store: MemoryOutboxStore;
let attempts: Attempt[];
let outbox: Outbox;

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
const texts = (): string[] => attempts.map(({ line }) => line.text);
const states = (): string[] => outbox.lines.map(({ text, state }) => `${text} ${state}`);
const stored = async (): Promise<string[]> => (await store.load()).map(({ text }) => text);
const latest = (): Attempt => {
  const attempt = attempts.at(-1);
  if (!attempt) throw new Error('nothing was sent');
  return attempt;
};

function open(): Outbox {
  return new Outbox({
    store,
    clock: systemClock,
    random: () => 0.5,
    publish: ({ ...line }) =>
      new Promise<PublishAck>((resolve, reject) => {
        const settled = (done: () => void) => async () => {
          done();
          await settle();
        };
        attempts.push({
          line,
          accept: settled(() => resolve({ seq: attempts.length, time: '2026-01-01T00:00:00.000Z' })),
          refuse: (code, retryAfter) => settled(() => reject(new RequestError(code, `No: ${code}.`, retryAfter)))(),
          lose: settled(() => reject(new ConnectionLost())),
        });
      }),
    onChange: () => undefined,
    onSent: ({ id }) => outbox.confirm(id),
  });
}

beforeEach(async () => {
  vi.useFakeTimers();
  store = new MemoryOutboxStore();
  attempts = [];
  outbox = open();
  await outbox.restore('u1');
});

afterEach(() => {
  outbox.suspend();
  vi.useRealTimers();
});

describe('Outbox', () => {
  it('stores a line before it sends it, and forgets it with the ack', async () => {
    outbox.resume();
    await outbox.add('lobby', 'a');
    expect(await stored()).toEqual(['a']);
    expect(states()).toEqual(['a sending']);
    await latest().accept();
    expect(await stored()).toEqual([]);
    expect(states()).toEqual([]);
  });

  it('sends the lines of a room one after the other, and those of another beside them', async () => {
    outbox.resume();
    await outbox.add('lobby', 'a');
    await outbox.add('lobby', 'b');
    await outbox.add('dev', 'c');
    expect(texts()).toEqual(['a', 'c']);
    await attempts[0]?.accept();
    expect(texts()).toEqual(['a', 'c', 'b']);
  });

  it('keeps lines while there is no connection, and sends them in order after', async () => {
    await outbox.add('lobby', 'a');
    await outbox.add('lobby', 'b');
    expect(texts()).toEqual([]);
    outbox.resume();
    await latest().accept();
    await latest().accept();
    expect(texts()).toEqual(['a', 'b']);
    expect(states()).toEqual([]);
  });

  it('sends a line whose ack was lost again with the same id, before what was written after it', async () => {
    outbox.resume();
    await outbox.add('lobby', 'a');
    await outbox.add('lobby', 'b');
    outbox.suspend();
    await latest().lose();
    expect(texts()).toEqual(['a']);
    outbox.resume();
    await latest().accept();
    await latest().accept();
    expect(texts()).toEqual(['a', 'a', 'b']);
    expect(attempts[1]?.line.id).toBe(attempts[0]?.line.id);
  });

  it('does not try in circles where the connection is gone and nobody has said so', async () => {
    outbox.resume();
    await outbox.add('lobby', 'a');
    await latest().lose();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(texts()).toEqual(['a']);
  });

  it('waits as long as a rate limit asks, with every room', async () => {
    outbox.resume();
    await outbox.add('lobby', 'a');
    await latest().refuse('rate_limited', 800);
    await outbox.add('dev', 'b');
    await vi.advanceTimersByTimeAsync(799);
    expect(texts()).toEqual(['a']);
    await vi.advanceTimersByTimeAsync(1);
    expect(texts()).toEqual(['a', 'a', 'b']);
    expect(states()).toEqual(['a sending', 'b sending']);
  });

  it('tries again while the server is unavailable, more and more seldom', async () => {
    outbox.resume();
    await outbox.add('lobby', 'a');
    for (let i = 0; i < 20; i++) {
      await latest().refuse('unavailable');
      await vi.advanceTimersByTimeAsync(30_500);
    }
    expect(texts()).toHaveLength(21);
    expect(states()).toEqual(['a sending']);
  });

  it('gives up a line that the server fails at again and again, and goes on with the next', async () => {
    outbox.resume();
    await outbox.add('lobby', 'a');
    await outbox.add('lobby', 'b');
    for (let i = 0; i < 5; i++) {
      await latest().refuse('internal');
      await vi.advanceTimersByTimeAsync(30_500);
    }
    expect(states()).toEqual(['a failed', 'b sending']);
    expect(texts()).toEqual(['a', 'a', 'a', 'a', 'a', 'b']);
  });

  it.each(['invalid', 'too_large', 'not_found', 'not_joined', 'conflict'])(
    'lets a line that is refused as %s fail with the reason, and sends the next',
    async (code) => {
      outbox.resume();
      await outbox.add('lobby', 'a');
      await outbox.add('lobby', 'b');
      await latest().refuse(code);
      expect(states()).toEqual(['a failed', 'b sending']);
      expect(outbox.lines[0]?.failure).toBe(`No: ${code}.`);
      expect(texts()).toEqual(['a', 'b']);
    },
  );

  it('sends a failed line again when asked to, and forgets it when told to', async () => {
    outbox.resume();
    await outbox.add('lobby', 'a');
    await latest().refuse('invalid');
    const id = latest().line.id;
    await outbox.retry(id);
    expect(latest().line).toMatchObject({ id, text: 'a' });
    await latest().refuse('invalid');
    expect(outbox.discard(id)).toBe('a');
    await settle();
    expect(states()).toEqual([]);
    expect(await stored()).toEqual([]);
  });

  it('goes on after a reload where the page before it stopped, failed lines included', async () => {
    outbox.resume();
    await outbox.add('lobby', 'a');
    await outbox.add('lobby', 'b');
    await outbox.add('lobby', 'c');
    await latest().refuse('invalid');
    const ids = outbox.lines.map(({ id }) => id);
    outbox.suspend();

    outbox = open();
    await outbox.restore('u1');
    expect(states()).toEqual(['a failed', 'b sending', 'c sending']);
    expect(outbox.lines.map(({ id }) => id)).toEqual(ids);
    attempts = [];
    outbox.resume();
    await latest().accept();
    await latest().accept();
    expect(texts()).toEqual(['b', 'c']);
  });

  it('writes in order also where the clock stands still or goes back', async () => {
    await outbox.add('lobby', 'a');
    vi.setSystemTime(Date.now() - 60_000);
    await outbox.add('lobby', 'b');
    expect(await stored()).toEqual(['a', 'b']);
  });

  it('does not say as one person what was written as another', async () => {
    await outbox.add('lobby', 'a');
    outbox = open();
    await outbox.restore('u2');
    outbox.resume();
    expect(texts()).toEqual([]);
    expect(states()).toEqual(['a failed']);
    await outbox.retry(outbox.lines[0]?.id ?? '');
    expect(latest().line).toMatchObject({ user: 'u2', text: 'a' });
  });

  it('takes a line for said when its message is seen, though the ack never came', async () => {
    outbox.resume();
    await outbox.add('lobby', 'a');
    outbox.confirm(latest().line.id);
    await latest().lose();
    expect(states()).toEqual([]);
    expect(await stored()).toEqual([]);
  });

  it('sends although the browser cannot store', async () => {
    store.put = () => Promise.reject(new Error('The disk is full.'));
    outbox.resume();
    await outbox.add('lobby', 'a');
    expect(texts()).toEqual(['a']);
  });
});

describe('IndexedDBOutboxStore', () => {
  it('gives lines back in the order written, to another page too', async () => {
    vi.useRealTimers();
    const line = (id: string, at: number): StoredLine => ({ id, at, user: 'u1', room: 'lobby', text: id });
    const slate = newSlate();
    const one = await IndexedDBOutboxStore.open(slate);
    await one.put(line('b', 2));
    await one.put(line('c', 3));
    await one.put(line('a', 1));
    await one.put({ ...line('b', 2), failure: 'No.' });
    await one.delete('c');
    const other = await IndexedDBOutboxStore.open(slate);
    expect(await other.load()).toEqual([line('a', 1), { ...line('b', 2), failure: 'No.' }]);
    await other.clear();
    expect(await one.load()).toEqual([]);
  });

  it('keeps a line whose page goes in the moment it was written, and keeps it once', async () => {
    vi.useRealTimers();
    const slate = newSlate();
    const line = (id: string, at: number): StoredLine => ({ id, at, user: 'u1', room: 'lobby', text: id });
    const gone = await IndexedDBOutboxStore.open(slate);
    const writing = gone.put(line('b', 2));
    // What another page sees that comes up before IndexedDB has it.
    expect(slate.length).toBe(1);
    slate.setItem('parley.outbox.a', JSON.stringify(line('a', 1)));
    slate.setItem('parley.name', 'ann');
    const next = await IndexedDBOutboxStore.open(slate);
    expect(await next.load()).toEqual([line('a', 1), line('b', 2)]);
    await writing;
    expect(await next.load()).toEqual([line('a', 1), line('b', 2)]);
    await next.put({ ...line('b', 2), failure: 'No.' });
    expect(await next.load()).toEqual([line('a', 1), { ...line('b', 2), failure: 'No.' }]);
    await next.delete('b');
    expect((await next.load()).map(({ id }) => id)).toEqual(['a']);
    await next.clear();
    expect([await next.load(), slate.length]).toEqual([[], 1]);
  });

  it('works where the slate is full', async () => {
    vi.useRealTimers();
    const full = { ...newSlate(), setItem: () => { throw new Error('QuotaExceededError'); } };
    const kept = await IndexedDBOutboxStore.open(full);
    await kept.put({ id: 'a', at: 1, user: 'u1', room: 'lobby', text: 'a' });
    expect(await kept.load()).toHaveLength(1);
    await kept.clear();
  });
});

function newSlate(): Slate {
  const values = new Map<string, string>();
  return {
    get length() {
      return values.size;
    },
    key: (i) => [...values.keys()][i] ?? null,
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
    removeItem: (key) => void values.delete(key),
  };
}

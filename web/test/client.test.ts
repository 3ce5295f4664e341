import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Client, ConnectionLost, RequestError, type ConnectionState } from '../src/lib/client';
import { systemClock } from '../src/lib/clock';
import type { HelloAck, ServerEvent } from '../src/lib/protocol';
import { FakeNetwork, helloAck } from './support/fake-transport';

let network: FakeNetwork;
let states: ConnectionState[];
let events: ServerEvent[];
let welcomes: HelloAck[];
let random: number;
let client: Client;

beforeEach(() => {
  vi.useFakeTimers();
  network = new FakeNetwork();
  states = [];
  events = [];
  welcomes = [];
  random = 0.5;
  client = new Client({
    connect: network.connect,
    clock: systemClock,
    random: () => random,
    credentials: () => ({ name: 'ann' }),
    onState: (state) => states.push(state),
    onWelcome: (ack) => welcomes.push(ack),
    onEvent: (event) => events.push(event),
  });
});

afterEach(() => {
  client.stop();
  vi.useRealTimers();
});

/** Connects, and says hello. */
async function online(): Promise<void> {
  client.connect();
  network.latest.events.opened();
  network.latest.answer('hello', helloAck);
  await vi.advanceTimersByTimeAsync(0);
}

/** The wait that the client has announced, in ms. */
function announcedWait(): number {
  const state = client.state;
  if (state.phase !== 'waiting') throw new Error(`not waiting but ${state.phase}`);
  return state.until - Date.now();
}

describe('saying hello', () => {
  it('says who it is first, and is online with the ack', async () => {
    client.connect();
    expect(network.latest.sent).toEqual([]);
    network.latest.events.opened();
    expect(network.latest.sent).toEqual([{ type: 'hello', name: 'ann', ref: 1 }]);
    network.latest.answer('hello', helloAck);
    await vi.advanceTimersByTimeAsync(0);
    expect(welcomes).toMatchObject([helloAck]);
    expect(states.map(({ phase }) => phase)).toEqual(['connecting', 'online']);
  });

  it('gives up on a server that opens and says nothing', () => {
    client.connect();
    network.latest.events.opened();
    vi.advanceTimersByTime(20_000);
    expect(client.state.phase).toBe('waiting');
    expect(network.latest.isClosed).toBe(true);
  });

  it('says hello again where the transport has found another way', async () => {
    client.connect();
    network.latest.events.opened();
    network.latest.events.opened();
    expect(network.latest.sent).toMatchObject([{ type: 'hello', ref: 1 }, { type: 'hello', ref: 2 }]);
    network.latest.answer('hello', helloAck);
    await vi.advanceTimersByTimeAsync(0);
    expect(client.state.phase).toBe('online');
    network.latest.drop();
    await vi.advanceTimersByTimeAsync(0);
    expect(client.state.phase).toBe('waiting');
  });

  it('ends where the credentials are refused, and tells why', async () => {
    client.connect();
    network.latest.events.opened();
    network.latest.refuse('hello', { code: 'unauthorized', message: 'This session is not known.' });
    await vi.advanceTimersByTimeAsync(0);
    expect(client.state).toEqual({ phase: 'ended', code: 4500, reason: 'This session is not known.' });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(network.connections).toHaveLength(1);
  });

  it('comes back later where hello was only too early', async () => {
    client.connect();
    network.latest.events.opened();
    network.latest.refuse('hello', { code: 'rate_limited', retry_after: 4_000 });
    await vi.advanceTimersByTimeAsync(0);
    expect(announcedWait()).toBe(4_000);
  });
});

describe('requests', () => {
  it('gives each answer to the one who asked, in whatever order they come', async () => {
    await online();
    const first = client.request('history', { room: 'lobby', before: 9 });
    const second = client.request('history', { room: 'lobby', before: 5 });
    const [a, b] = network.latest.sent.slice(-2);
    network.latest.receive({ type: 'ack', ref: b?.ref, messages: [], more: false });
    network.latest.receive({ type: 'ack', ref: a?.ref, messages: [], more: true });
    expect(await first).toMatchObject({ more: true });
    expect(await second).toMatchObject({ more: false });
  });

  it('rejects with what the server said', async () => {
    await online();
    const asked = client.request('rooms', {});
    network.latest.refuse('rooms', { code: 'rate_limited', message: 'Slow down.', retry_after: 800 });
    const error = await asked.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({ code: 'rate_limited', message: 'Slow down.', retryAfter: 800 });
  });

  it('rejects what is under way when the connection goes, and what is asked without one', async () => {
    await online();
    const asked = client.request('rooms', {});
    network.latest.drop();
    await expect(asked).rejects.toBeInstanceOf(ConnectionLost);
    await expect(client.request('rooms', {})).rejects.toBeInstanceOf(ConnectionLost);
  });

  it('is no longer online when those who asked hear of it', async () => {
    await online();
    let phase = '';
    const asked = client.request('rooms', {}).catch(() => (phase = client.state.phase));
    network.latest.drop();
    await asked;
    expect(phase).toBe('waiting');
  });

  it('passes events on, and ignores answers that nobody waits for', async () => {
    await online();
    network.latest.receive({ type: 'ack', ref: 999 });
    network.latest.receive({ type: 'error', code: 'invalid', message: 'No.' });
    network.latest.receive({ type: 'read', room: 'lobby', seq: 3 });
    expect(events).toEqual([{ type: 'read', room: 'lobby', seq: 3 }]);
  });
});

describe('coming back', () => {
  it('waits longer after each failure, with full jitter, and at most 30 s', () => {
    client.connect();
    const waits = Array.from({ length: 10 }, () => {
      network.latest.drop();
      const wait = announcedWait();
      vi.advanceTimersByTime(wait);
      return wait;
    });
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000, 15_000]);
    random = 0;
    network.latest.drop();
    expect(announcedWait()).toBe(0);
  });

  it('starts small again after a connection that stood for a while, and not after one that did not', async () => {
    for (let i = 0; i < 5; i++) {
      await online();
      network.latest.drop();
    }
    expect(announcedWait()).toBe(4_000);
    await online();
    await vi.advanceTimersByTimeAsync(10_000);
    network.latest.drop();
    expect(announcedWait()).toBe(250);
  });

  it('waits as long as bye asks', async () => {
    await online();
    network.latest.receive({ type: 'bye', code: 1001, reason: 'restart', retry_after: 7_000 });
    network.latest.drop(1001);
    expect(announcedWait()).toBe(7_000);
    expect(client.state).toMatchObject({ reason: 'restart' });
  });

  it('forgets an old bye with the connection it came on', async () => {
    await online();
    network.latest.receive({ type: 'bye', code: 1001, reason: 'restart', retry_after: 7_000 });
    network.latest.drop(1001);
    await vi.advanceTimersByTimeAsync(7_000);
    network.latest.drop();
    expect(announcedWait()).toBeLessThan(7_000);
  });

  it.each([4500, 4501, 4502, 4999])('does not come back by itself after %i', async (code) => {
    await online();
    network.latest.drop(code, 'gone');
    expect(client.state).toEqual({ phase: 'ended', code, reason: 'gone' });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(network.connections).toHaveLength(1);
    client.connect();
    expect(network.connections).toHaveLength(2);
  });

  it('believes bye where the close code itself was lost', async () => {
    await online();
    network.latest.receive({ type: 'bye', code: 4502, reason: 'removed' });
    network.latest.drop(1006);
    expect(client.state).toMatchObject({ phase: 'ended', code: 4502 });
  });

  it.each([1001, 1006, 1008, 1013, 4000, 4001, 4029, 4030])('comes back after %i', async (code) => {
    await online();
    network.latest.drop(code);
    expect(client.state.phase).toBe('waiting');
  });

  it('tries at once when nudged', async () => {
    await online();
    network.latest.drop();
    client.nudge();
    expect(client.state.phase).toBe('connecting');
    expect(network.connections).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(9_000);
    expect(network.connections).toHaveLength(2);
  });

  it('stays away once stopped', async () => {
    await online();
    const [connection] = network.connections;
    client.stop();
    expect(connection?.isClosed).toBe(true);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(network.connections).toHaveLength(1);
  });
});

describe('the heartbeat', () => {
  const pings = (): number => network.latest.sent.filter(({ type }) => type === 'ping').length;

  it('asks after the interval of silence, and only then', async () => {
    await online();
    await vi.advanceTimersByTimeAsync(20_000);
    network.latest.receive({ type: 'read', room: 'lobby', seq: 1 });
    await vi.advanceTimersByTimeAsync(24_999);
    expect(pings()).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(pings()).toBe(1);
  });

  it('goes on while answers come', async () => {
    await online();
    for (let answered = 0, second = 0; second < 600; second++) {
      await vi.advanceTimersByTimeAsync(1_000);
      if (pings() === answered) continue;
      network.latest.answer('ping', {});
      answered++;
    }
    expect(pings()).toBe(24);
    expect(client.state.phase).toBe('online');
    expect(network.connections).toHaveLength(1);
  });

  it('reconnects when nothing comes within the timeout', async () => {
    await online();
    await vi.advanceTimersByTimeAsync(34_999);
    expect(client.state.phase).toBe('online');
    await vi.advanceTimersByTimeAsync(1);
    expect(client.state.phase).toBe('waiting');
    expect(network.latest.isClosed).toBe(true);
  });

  it('does not blame the peer for a page that was held up: the answer may be waiting behind the timer', async () => {
    await online();
    await vi.advanceTimersByTimeAsync(25_000);
    expect(pings()).toBe(1);
    // The machine sleeps for an hour: the timer comes first when it wakes, the answer after it.
    vi.setSystemTime(Date.now() + 3_600_000);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(client.state.phase).toBe('online');
    network.latest.answer('ping', {});
    await vi.advanceTimersByTimeAsync(10_000);
    expect(client.state.phase).toBe('online');
  });

  it('asks at once when nudged, and is not put off by being nudged again', async () => {
    await online();
    await vi.advanceTimersByTimeAsync(1_000);
    client.nudge();
    expect(pings()).toBe(1);
    for (let i = 0; i < 4; i++) {
      await vi.advanceTimersByTimeAsync(2_000);
      client.nudge();
    }
    await vi.advanceTimersByTimeAsync(2_000);
    expect(client.state.phase).toBe('waiting');
  });
});

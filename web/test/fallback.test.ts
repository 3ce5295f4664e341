import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../src/lib/clock';
import { withFallback } from '../src/lib/fallback';
import type { Connect, Incoming, Transport } from '../src/lib/transport';
import { FakeNetwork } from './support/fake-transport';

const ACK: Incoming = { type: 'ack', ref: 1 };

let webSockets: FakeNetwork;
let polling: FakeNetwork;
let loadPolling: () => Promise<Connect>;
let isReachable: boolean;
let connect: Connect;
let told: unknown[];

beforeEach(() => {
  vi.useFakeTimers();
  webSockets = new FakeNetwork();
  polling = new FakeNetwork();
  loadPolling = vi.fn(() => Promise.resolve(polling.connect));
  isReachable = true;
  told = [];
  connect = withFallback({
    clock: systemClock,
    webSocket: webSockets.connect,
    polling: () => loadPolling(),
    isReachable: () => Promise.resolve(isReachable),
  });
});

afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

function attempt(): Transport {
  told = [];
  return connect({
    opened: () => told.push('opened'),
    received: ({ type }) => told.push(type),
    closed: (code, reason) => told.push([code, reason]),
  });
}

const pass = (time = 0) => vi.advanceTimersByTimeAsync(time);

/** A connect whose WebSocket is refused. */
async function refused(): Promise<void> {
  attempt();
  webSockets.latest.drop();
  await pass();
}

async function works(): Promise<Transport> {
  const transport = attempt();
  webSockets.latest.events.opened();
  webSockets.latest.receive(ACK);
  await pass();
  return transport;
}

describe('where WebSockets get through', () => {
  it('is a WebSocket, and passes on what it tells', async () => {
    const transport = await works();
    transport.send({ type: 'ping' });
    webSockets.latest.drop(1001, 'restart');
    await pass();
    expect(webSockets.latest.sent).toEqual([{ type: 'ping' }]);
    expect(told).toEqual(['opened', 'ack', [1001, 'restart']]);
    expect(loadPolling).not.toHaveBeenCalled();
  });

  it('gives one that has answered all the time it wants', async () => {
    await works();
    await pass(3_600_000);
    expect(told).toEqual(['opened', 'ack']);
  });

  it('does not take the closing of one that has answered for a failure', async () => {
    for (let i = 0; i < 5; i++) {
      await works();
      webSockets.latest.drop();
      await pass();
    }
    expect(loadPolling).not.toHaveBeenCalled();
  });

  it('takes a refusal of Parley\'s for an answer', async () => {
    for (let i = 0; i < 3; i++) {
      attempt();
      webSockets.latest.events.opened();
      webSockets.latest.drop(4500, 'bad credentials');
      await pass();
      expect(told).toEqual(['opened', [4500, 'bad credentials']]);
    }
    expect(loadPolling).not.toHaveBeenCalled();
  });
});

describe('where they do not', () => {
  it('polls in the second connect already, and says nothing of the WebSocket', async () => {
    await refused();
    expect(told).toEqual([[1006, '']]);
    await refused();
    expect(told).toEqual([]);
    polling.latest.events.opened();
    polling.latest.receive(ACK);
    expect(told).toEqual(['opened', 'ack']);
  });

  it('sends what is said by polling from then on', async () => {
    await refused();
    const transport = attempt();
    webSockets.latest.drop();
    await pass();
    transport.send({ type: 'ping' });
    expect(polling.latest.sent).toEqual([{ type: 'ping' }]);
    expect(webSockets.latest.sent).toEqual([]);
    transport.close();
    expect(polling.latest.isClosed).toBe(true);
  });

  it('tries a WebSocket again on each later connect, and stays with one that answers', async () => {
    for (let i = 0; i < 4; i++) await refused();
    expect(webSockets.connections).toHaveLength(4);
    expect(polling.connections).toHaveLength(3);
    await works();
    await refused();
    expect(polling.connections).toHaveLength(3);
    expect(told).toEqual([[1006, '']]);
  });

  it('does not wait for a WebSocket that is neither let through nor refused', async () => {
    attempt();
    await pass(3_999);
    expect(told).toEqual([]);
    await pass(1);
    expect(told).toEqual([[1006, 'The server did not answer.']]);
    expect(webSockets.latest.isClosed).toBe(true);
    attempt();
    await pass(4_000);
    expect(polling.connections).toHaveLength(1);
  });

  it('does not believe a WebSocket that opens and brings nothing', async () => {
    attempt();
    webSockets.latest.events.opened();
    await pass(6_000);
    expect(told).toEqual(['opened', [1006, 'The server did not answer.']]);
    attempt();
    webSockets.latest.events.opened();
    await pass(6_000);
    expect(webSockets.latest.isClosed).toBe(true);
    polling.latest.events.opened();
    expect(told).toEqual(['opened', 'opened']);
  });

  it('tells that the way around is lost as well', async () => {
    await refused();
    await refused();
    polling.latest.drop(1006, 'gone');
    expect(told).toEqual([[1006, 'gone']]);
  });

  it('says what to do where the way around cannot be loaded', async () => {
    await refused();
    loadPolling = () => Promise.reject(new TypeError('Failed to fetch dynamically imported module'));
    await refused();
    expect(told).toEqual([[1006, expect.stringContaining('Reload the page')]]);
  });
});

describe('where the server is away', () => {
  it('blames the network for nothing, however long it takes', async () => {
    isReachable = false;
    for (let i = 0; i < 10; i++) {
      await refused();
      expect(told).toEqual([[1006, '']]);
    }
    isReachable = true;
    await refused();
    expect(told).toEqual([[1006, '']]);
    await works();
    expect(loadPolling).not.toHaveBeenCalled();
  });

  it('does not ask it for the way around', async () => {
    await refused();
    isReachable = false;
    await refused();
    expect(loadPolling).not.toHaveBeenCalled();
    isReachable = true;
    await refused();
    expect(polling.connections).toHaveLength(1);
  });
});

describe('an attempt that is given up', () => {
  it('goes nowhere while it asks whether the server is there', async () => {
    await refused();
    const transport = attempt();
    webSockets.latest.drop();
    transport.close();
    await pass();
    expect(loadPolling).not.toHaveBeenCalled();
    expect(told).toEqual([]);
  });

  it('goes nowhere while the way around is loaded', async () => {
    await refused();
    let loaded: (connect: Connect) => void = () => undefined;
    loadPolling = () => new Promise((resolve) => (loaded = resolve));
    const transport = attempt();
    webSockets.latest.drop();
    await pass();
    transport.close();
    loaded(polling.connect);
    await pass();
    expect(polling.connections).toEqual([]);
    expect(told).toEqual([]);
  });

  it('closes its WebSocket', async () => {
    attempt().close();
    await pass(60_000);
    expect(webSockets.latest.isClosed).toBe(true);
    expect(told).toEqual([]);
  });
});

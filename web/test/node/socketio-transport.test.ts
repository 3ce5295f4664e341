import { afterEach, beforeEach, expect, it } from 'vitest';
import { SocketIOTransport } from '../../src/lib/socketio-transport';
import { PollingServer } from './polling-server';

let server: PollingServer;
let url: string;
let transport: SocketIOTransport;
let told: unknown[];
let waiting: (() => void) | undefined;

beforeEach(async () => {
  server = new PollingServer();
  url = await server.listen();
  told = [];
});

afterEach(async () => {
  transport.close();
  await server.close();
});

function connect(): void {
  const tell = (what: unknown): void => {
    told.push(what);
    waiting?.();
  };
  transport = new SocketIOTransport(url, {
    opened: () => tell('opened'),
    received: tell,
    closed: (code, reason) => tell(['closed', code, reason]),
  });
}

/** Until so many things have been told. */
async function until(count: number): Promise<void> {
  while (told.length < count) await new Promise<void>((resolve) => (waiting = resolve));
}

/** Connects and is welcomed; nothing is told that the test need skip. */
async function online(): Promise<void> {
  connect();
  await until(1);
  transport.send({ type: 'hello', ref: 1, session: 's1' });
  expect(await server.next()).toBe('40{"session":"s1"}');
  server.push('40{"sid":"public"}');
  expect(await server.next()).toBe('420["hello",{}]');
  server.push('430[{"type":"ack","user":{"id":"u1"}}]');
  await until(2);
  expect(told).toEqual(['opened', { type: 'ack', ref: 1, user: { id: 'u1' } }]);
  told = [];
}

it('says hello in CONNECT, and asks for its ack behind it', async () => {
  await online();
});

it('polls, and does not try to upgrade', async () => {
  await online();
  expect(server.requests.every((query) => query.get('transport') === 'polling' && query.get('EIO') === '4')).toBe(true);
});

it('gives each answer the ref of its request, in whatever order they come', async () => {
  await online();
  transport.send({ type: 'publish', ref: 2, room: 'lobby', id: 'a', body: { text: 'hi' } });
  transport.send({ type: 'rooms', ref: 3 });
  expect(await server.next()).toBe('421["publish",{"room":"lobby","id":"a","body":{"text":"hi"}}]');
  expect(await server.next()).toBe('422["rooms",{}]');
  server.push('432[{"type":"ack","rooms":[]}]', '431[{"type":"error","code":"rate_limited","message":"Slow.","retry_after":9}]');
  await until(2);
  expect(told).toEqual([
    { type: 'ack', ref: 3, rooms: [] },
    { type: 'error', ref: 2, code: 'rate_limited', message: 'Slow.', retry_after: 9 },
  ]);
});

it('asks for no answer where none is wanted', async () => {
  await online();
  transport.send({ type: 'read', room: 'lobby', seq: 3 });
  expect(await server.next()).toBe('42["read",{"room":"lobby","seq":3}]');
});

it('tells the words that events carry, and leaves out what is none', async () => {
  await online();
  server.push('42["message",{"type":"read","room":"lobby","seq":1}]', '42["strange"]', '42["strange",7]', '42["bye",{"code":1001}]');
  await until(2);
  expect(told).toEqual([
    { type: 'read', room: 'lobby', seq: 1 },
    { type: 'bye', code: 1001 },
  ]);
});

it('tells a refusal as the answer to hello, and then that it is over', async () => {
  connect();
  await until(1);
  transport.send({ type: 'hello', ref: 1, session: 'made-up' });
  await server.next();
  server.push('44{"message":"No such session.","data":{"code":"unauthorized"}}');
  await until(3);
  expect(told.slice(1)).toEqual([
    { type: 'error', ref: 1, code: 'unauthorized', message: 'No such session.' },
    ['closed', 1006, ''],
  ]);
});

it('tells bye before the close that comes with it', async () => {
  await online();
  server.push('42["message",{"type":"bye","code":1001,"reason":"restart","retry_after":700}]', '41');
  await until(2);
  expect(told).toEqual([{ type: 'bye', code: 1001, reason: 'restart', retry_after: 700 }, ['closed', 1006, '']]);
});

it.each(['1', '4 is no packet of Socket.IO'])('is over where the server says %s', async (packet) => {
  await online();
  server.push(packet);
  await until(1);
  expect(told).toEqual([['closed', 1006, '']]);
});

it('is over where it is refused, before and after hello', async () => {
  server.refusal = 403;
  connect();
  await until(1);
  expect(told).toEqual([['closed', 1006, '']]);

  server.refusal = undefined;
  told = [];
  await online();
  server.refusal = 400;
  server.push('6');
  await until(1);
  expect(told).toEqual([['closed', 1006, '']]);
});

it('takes a connection that fails while hello is under way for no refusal', async () => {
  connect();
  await until(1);
  server.refusal = 502;
  transport.send({ type: 'hello', ref: 1, name: 'ann' });
  await until(2);
  expect(told).toEqual(['opened', ['closed', 1006, '']]);
});

it('tells the server that it leaves, and nothing more to the client', async () => {
  await online();
  transport.close();
  expect(await server.next()).toBe('41');
  expect(await server.next()).toBe('1');
  expect(told).toEqual([]);
});

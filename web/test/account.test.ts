import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Api, ApiError, type Config } from '../src/lib/api';
import { systemClock } from '../src/lib/clock';
import { MemoryOutboxStore } from '../src/lib/outbox-store';
import { AccountState } from '../src/state/account.svelte';
import type { Memory } from '../src/lib/session';
import { Chat } from '../src/state/chat.svelte';
import { FakeServer } from './support/fake-server';

const ann = { id: 'a1', name: 'ann', role: 'admin', password: true };

let server: FakeServer;
let memory: Memory;
let chat: Chat;
let account: AccountState;
/** What the API answers, by call; a number is a status with an error. */
let answers: Record<string, object | number>;
let calls: { call: string; headers: Record<string, string>; body: unknown }[];

const run = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const config = (more: Partial<Config> = {}): Config => ({ guests: false, accounts: true, setup: false, ...more });

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  memory = { session: undefined, name: '', room: '', drafts: {} };
  answers = {};
  calls = [];
  chat = new Chat({ connect: server.connect, clock: systemClock, random: () => 0.5, store: new MemoryOutboxStore(), memory });
  const api = new Api(
    (path, { method, headers, body }) => {
      const call = `${method ?? 'GET'} ${path}`;
      calls.push({ call, headers: headers as Record<string, string>, body: typeof body === 'string' ? JSON.parse(body) : undefined });
      const answer = answers[call] ?? 404;
      if (answer === 0) return Promise.reject(new TypeError('no network'));
      if (typeof answer === 'object') return Promise.resolve(Response.json(answer));
      return Promise.resolve(Response.json({ code: 'unauthorized', message: 'No.' }, { status: answer }));
    },
    () => chat.bearer,
  );
  account = new AccountState(api, chat, systemClock);
});

afterEach(async () => {
  await chat.signOut();
  vi.useRealTimers();
});

describe('a server without the API', () => {
  it('takes guests by name, and what needs the API is not there', async () => {
    await account.begin({});
    expect([account.isKnown, account.config, chat.directory]).toEqual([true, undefined, undefined]);
    chat.enter('ann');
    await run(50);
    expect(chat.connection.phase).toBe('online');
  });

  it('is the same as one that cannot be asked', async () => {
    answers['GET /api/config'] = 0;
    await account.begin({});
    expect(account.isKnown).toBe(true);
  });

  it('is one that answers with something else than the API', async () => {
    answers['GET /api/config'] = 200;
    const api = new Api(() => Promise.resolve(new Response('<!doctype html>')), () => undefined);
    expect(await api.config()).toBeUndefined();
  });
});

describe('an account', () => {
  it('goes on where a cookie says who one is, and says hello with nothing', async () => {
    answers['GET /api/config'] = config({ user: ann });
    server.cookie = ann;
    await account.begin({ room: 'tea' });
    await run(50);
    expect(chat.me).toMatchObject({ id: 'a1', name: 'ann' });
    expect([chat.connection.phase, chat.current?.id, chat.isAdmin]).toEqual(['online', 'tea', true]);
    expect(memory.session, 'no script knows the session').toBeUndefined();
    expect(chat.bearer).toBeUndefined();
  });

  it('signs in, and out', async () => {
    answers['GET /api/config'] = config();
    await account.begin({});
    expect(chat.me).toBeUndefined();
    await expect(account.signIn('ann', 'wrong')).rejects.toThrow(ApiError);
    answers['POST /api/signin'] = ann;
    server.cookie = ann;
    await account.signIn('ann', 'correct horse');
    await run(50);
    expect(chat.connection.phase).toBe('online');
    const said = calls.at(-1);
    expect(said).toMatchObject({ call: 'POST /api/signin', body: { name: 'ann', password: 'correct horse' } });
    expect(said?.headers['Content-Type']).toBe('application/json');
    answers['POST /api/signout'] = {};
    await account.signOut(true);
    expect([chat.me, account.user, server.connected]).toEqual([undefined, undefined, 0]);
    expect(calls.find(({ call }) => call === 'POST /api/signout')?.body).toEqual({ everywhere: true });
  });

  it.each([4500, 4501, 4502])('is asked for again after %d', async (code) => {
    answers['GET /api/config'] = config({ user: ann });
    server.cookie = ann;
    await account.begin({});
    await run(50);
    server.end(code, 'signed out');
    await run(50);
    expect(chat.me).toBeUndefined();
    expect(chat.refusal).toContain('session has ended');
    await run(120_000);
    expect(server.connected).toBe(0);
  });

  it('goes on with a fresh token where the one before has expired, and asks to sign in where there is none', async () => {
    answers['GET /api/config'] = config({ user: ann });
    server.cookie = ann;
    await account.begin({});
    await run(50);
    await chat.say('before');
    server.isDown = true;
    server.cut();
    await run(50);
    await chat.say('written meanwhile');
    server.isDown = false;
    await run(60_000);
    server.end(4501, 'the token has expired');
    expect([chat.me, chat.expiries]).toEqual([undefined, 1]);
    await account.refresh(); // as the page does
    await run(50);
    expect(chat.connection.phase).toBe('online');
    expect(server.room('lobby').log.map(({ body }) => body)).toEqual([{ text: 'before' }, { text: 'written meanwhile' }]);

    // What was not sent waits for who comes back.
    server.refusePublish = () => ({ code: 'unauthorized', message: 'The token has expired.' });
    await chat.say('too late');
    await run(50);
    answers['GET /api/config'] = config();
    server.end(4501, 'the token has expired');
    await account.refresh();
    expect([chat.me, chat.sending.unsent]).toEqual([undefined, []]);
    server.refusePublish = () => undefined;
    answers['POST /api/signin'] = ann;
    await account.signIn('ann', 'correct horse');
    await run(60_000);
    expect(server.room('lobby').log.at(-1)?.body).toEqual({ text: 'too late' });
  });

  it('is found to have ended where the connection itself is refused', async () => {
    answers['GET /api/config'] = config({ user: ann });
    server.cookie = ann;
    await account.begin({});
    await run(50);
    answers['GET /api/config'] = config();
    await account.refresh();
    expect(chat.me).toBeUndefined();
    expect(chat.refusal).toContain('session has ended');
  });
});

describe('a link', () => {
  it('of an invitation signs up, whoever was signed in before', async () => {
    answers['GET /api/config'] = config({ user: { id: 'b1', name: 'bob' } });
    await account.begin({ invite: 's3cret' });
    expect([chat.me, account.hasLink]).toEqual([undefined, true]);
    answers['POST /api/ticket'] = { kind: 'invite', by: { id: 'b1', name: 'bob' }, expires: '2026-11-27T00:00:00.000Z' };
    expect((await account.ticket()).by.name).toBe('bob');
    answers['POST /api/signup'] = ann;
    server.cookie = ann;
    await account.signUp('ann', 'correct horse');
    expect(calls.at(-1)?.body).toEqual({ ticket: 's3cret', name: 'ann', password: 'correct horse' });
    await run(50);
    expect([chat.me?.name, account.hasLink, chat.connection.phase]).toEqual(['ann', false, 'online']);
  });

  it('can be left', async () => {
    answers['GET /api/config'] = config({ user: ann });
    server.cookie = ann;
    await account.begin({ reset: 's3cret' });
    account.leaveLink();
    expect(chat.me?.name).toBe('ann');
  });
});

describe('the API', () => {
  it('is told a guest’s session, and each thing where it belongs', async () => {
    answers['GET /api/config'] = config({ guests: true });
    await account.begin({});
    chat.enter('ann');
    await run(50);
    answers['GET /api/people?q=a+b&limit=20'] = { people: [{ id: 'x', name: 'a b' }] };
    expect(await chat.directory?.findPeople('a b')).toEqual([{ id: 'x', name: 'a b' }]);
    expect(calls.at(-1)?.headers['Authorization']).toBe(`Bearer ${memory.session?.secret ?? ''}`);
    answers['PUT /api/rooms/tea/members/a%2Fb'] = {};
    await account.api.putMember('tea', 'a/b', 'admin');
    expect(calls.at(-1)?.body).toEqual({ role: 'admin' });
  });

  it('says what to do where it refuses', async () => {
    answers['GET /api/invites'] = 401;
    await expect(account.api.invites()).rejects.toMatchObject({ status: 401, code: 'unauthorized', message: 'No.' });
    answers['GET /api/invites'] = 0;
    await expect(account.api.invites()).rejects.toMatchObject({ status: 0, code: 'unavailable' });
  });

  it('tells who of one’s direct rooms is online, and who was when', async () => {
    answers['GET /api/config'] = config({ guests: true });
    await account.begin({});
    chat.enter('ann');
    await run(50);
    await Promise.all([chat.openDirect('bob'), run(50)]);
    const room = chat.current;
    if (!room || !chat.me) throw new Error('no direct room');
    answers['GET /api/rooms/direct-room/members?limit=100'] = { members: [{ ...chat.me, online: true }, { id: 'bob', name: 'bob', seen: '2026-11-20T08:00:00.000Z', online: false }], more: false };
    chat.directory?.watch([room], chat.me);
    await run(50);
    expect(chat.directory?.others.get('direct-room')).toMatchObject({ id: 'bob', online: false, seen: '2026-11-20T08:00:00.000Z' });
    answers['GET /api/rooms/direct-room/members?limit=100'] = { members: [{ id: 'bob', name: 'bob', online: true }], more: false };
    await run(30_000);
    expect(chat.directory?.others.get('direct-room')).toMatchObject({ online: true });
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../src/lib/clock';
import { MemoryOutboxStore } from '../src/lib/outbox-store';
import { textOf } from '../src/lib/protocol';
import { toRows } from '../src/lib/rows';
import type { Memory } from '../src/lib/session';
import { Chat } from '../src/state/chat.svelte';
import type { Room } from '../src/state/room.svelte';
import { FakeServer } from './support/fake-server';
import { below, seeded } from './support/random';

let server: FakeServer;
let memory: Memory;
let store: MemoryOutboxStore;
let chat: Chat;

const run = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const texts = (room: Room | undefined): string[] => room?.messages.map(textOf) ?? [];
const truth = (id: string): string[] => server.room(id).log.map(textOf);
const room = (id: string): Room => {
  const found = chat.rooms.find((candidate) => candidate.id === id);
  if (!found) throw new Error(`no room ${id}`);
  return found;
};

function open(wanted = '', random: () => number = () => 0.5): Chat {
  chat = new Chat({ connect: server.connect, clock: systemClock, random, store, memory });
  chat.start(wanted === '' ? {} : { room: wanted });
  return chat;
}

async function enter(): Promise<void> {
  open();
  chat.enter('ann');
  await run(50);
}

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  memory = { session: undefined, name: '', room: '', drafts: {} };
  store = new MemoryOutboxStore();
});

afterEach(async () => {
  await chat.signOut();
  vi.useRealTimers();
});

describe('coming in', () => {
  it('waits for a name, and is then in the lobby', async () => {
    open();
    await run(1_000);
    expect(server.connected).toBe(0);
    chat.enter(' ann ');
    await run(50);
    expect(chat.me?.name).toBe('ann');
    expect(chat.connection.phase).toBe('online');
    expect(chat.current?.id).toBe('lobby');
    expect(chat.current?.isLoaded).toBe(true);
  });

  it('is the same person after a reload, in the same room', async () => {
    await enter();
    const before = chat.me;
    chat.open('Design Team');
    await run(50);
    server.cut();
    open();
    expect(chat.me).toEqual(before);
    await run(50);
    expect(chat.me).toEqual(before);
    expect(chat.current?.id).toBe('design-team');
    expect(chat.current?.isLoaded).toBe(true);
    expect(chat.rooms.map(({ id }) => id)).toEqual(['lobby', 'design-team']);
  });

  it('opens the room that the address names', async () => {
    await enter();
    server.cut();
    open('dev');
    await run(50);
    expect(chat.current?.id).toBe('dev');
    expect(chat.current?.isLoaded).toBe(true);
  });

  it('asks for a name again where the session has ended, and offers the old one', async () => {
    await enter();
    server.forgetSessions();
    server.cut();
    await chat.say('written meanwhile');
    await run(1_000);
    expect(chat.me).toBeUndefined();
    expect(memory.session).toBeUndefined();
    expect(chat.refusal).toContain('session has ended');
    expect(chat.offeredName).toBe('ann');
    await run(120_000);
    expect(server.connected).toBe(0);
    chat.enter('ann');
    await run(50);
    expect(chat.connection.phase).toBe('online');
    expect(chat.unsent).toMatchObject([{ text: 'written meanwhile', state: 'failed' }]);
    expect(truth('lobby')).toEqual([]);
  });

  it('signs out, and in as another, with the other tabs', async () => {
    await enter();
    const first = memory.session;
    memory.session = undefined;
    chat.followSession(undefined);
    expect(chat.me).toBeUndefined();
    expect(server.connected).toBe(0);
    memory.session = first;
    chat.followSession(first);
    await run(50);
    expect(chat.me).toEqual(first?.user);
    expect(chat.connection.phase).toBe('online');
  });
});

describe('reading', () => {
  it('counts what is said in other rooms, and in this one while nobody looks', async () => {
    await enter();
    chat.open('dev');
    await run(50);
    chat.isWatching = true;
    server.say('lobby', 'one');
    server.say('dev', 'two');
    await run(50);
    expect([room('lobby').unread, room('dev').unread, chat.unread]).toEqual([1, 0, 1]);
    chat.isWatching = false;
    server.say('dev', 'three');
    await run(50);
    expect(room('dev').unread).toBe(1);
    expect(room('dev').newAfter).toBe(1);
    chat.markRead(room('dev'));
    expect(room('dev').unread).toBe(0);
  });

  it('does not count edits, reactions, and what one says oneself', async () => {
    await enter();
    chat.open('dev');
    await run(50);
    server.say('lobby', 'x', { kind: 'reaction', target: 1 });
    chat.open('lobby');
    await chat.say('own');
    chat.open('dev');
    await run(50);
    expect(room('lobby').unread).toBe(0);
  });

  it('is told by the person’s other tabs', async () => {
    await enter();
    chat.open('dev');
    await run(50);
    server.say('lobby', 'one');
    server.say('lobby', 'two');
    await run(50);
    server.broadcast('lobby', { type: 'read', room: 'lobby', seq: 1 });
    await run(50);
    expect(room('lobby').unread).toBe(1);
    server.broadcast('lobby', { type: 'read', room: 'lobby', seq: 2 });
    await run(50);
    expect(room('lobby').unread).toBe(0);
  });

  it('asks the server how much is unread in a member room that is not open', async () => {
    await enter();
    server.room('dev').members.add(chat.me?.id ?? '');
    server.say('dev', 'one');
    server.say('dev', 'two');
    await run(2_000);
    expect(room('dev').isLoaded).toBe(false);
    expect(room('dev').unread).toBe(2);
  });

  it('loads history page by page, down to the first message', async () => {
    for (let i = 1; i <= 120; i++) server.say('lobby', `line ${i}`);
    await enter();
    expect(texts(chat.current)).toEqual(truth('lobby').slice(70));
    while (chat.current?.hasOlder) {
      void chat.loadOlder(chat.current);
      await run(50);
    }
    expect(texts(chat.current)).toEqual(truth('lobby'));
  });
});

describe('a room that is open for long', () => {
  const hear = async (count: number): Promise<void> => {
    for (let i = 1; i <= count; i++) server.say('lobby', `line ${i}`);
    await run(50);
  };

  it('holds no more than it needs, and fetches the rest again', async () => {
    await enter();
    chat.isWatching = true;
    await hear(1_000);
    expect(texts(chat.current).length).toBeLessThanOrEqual(400);
    expect(texts(chat.current)).toEqual(truth('lobby').slice(-texts(chat.current).length));
    while (chat.current?.hasOlder) {
      void chat.loadOlder(chat.current);
      await run(50);
    }
    expect(texts(chat.current)).toEqual(truth('lobby'));
  });

  it('takes nothing away from under the eyes of who reads further back', async () => {
    await enter();
    await hear(1_000);
    expect(texts(chat.current)).toEqual(truth('lobby'));
  });
});

describe('people', () => {
  it('come, go and type', async () => {
    await enter();
    const bob = { id: 'bob', name: 'bob' };
    server.broadcast('lobby', { type: 'presence', room: 'lobby', user: bob, online: true });
    server.broadcast('lobby', { type: 'signal', room: 'lobby', from: bob, kind: 'typing', body: {} });
    await run(50);
    expect(room('lobby').users.map(({ name }) => name)).toEqual(['ann', 'bob']);
    expect(room('lobby').count).toBe(2);
    expect(room('lobby').typing).toEqual([bob]);
    server.say('lobby', 'there');
    await run(50);
    expect(room('lobby').typing).toEqual([]);
    server.broadcast('lobby', { type: 'presence', room: 'lobby', user: bob, online: false });
    await run(50);
    expect(room('lobby').users.map(({ name }) => name)).toEqual(['ann']);
  });
});

describe('sending', () => {
  it('shows a line at once, and once, on its way from unsent to said', async () => {
    await enter();
    server.latency = () => 100;
    void chat.say('hello');
    await run(1);
    expect(chat.unsent.map(({ state }) => state)).toEqual(['sending']);
    for (let i = 0; i < 40; i++) {
      await run(10);
      expect(texts(chat.current).length + chat.unsent.length).toBe(1);
    }
    expect(texts(chat.current)).toEqual(['hello']);
  });

  it('keeps what is written without a connection over a reload, and sends it in order', async () => {
    await enter();
    server.isDown = true;
    server.cut();
    for (const text of ['a', 'b', 'c']) await chat.say(text);
    await run(100);
    open();
    await run(100);
    expect(chat.unsent.map(({ text }) => text)).toEqual(['a', 'b', 'c']);
    server.isDown = false;
    await run(60_000);
    expect(truth('lobby')).toEqual(['a', 'b', 'c']);
    expect(texts(chat.current)).toEqual(['a', 'b', 'c']);
    expect(chat.unsent).toEqual([]);
  });

  it('sends what was written in a room that is not open any more', async () => {
    await enter();
    chat.open('dev');
    await run(50);
    server.isDown = true;
    server.cut();
    await chat.say('for dev');
    chat.open('lobby');
    open();
    server.isDown = false;
    await run(60_000);
    expect(room('dev').isLoaded).toBe(false);
    expect(truth('dev')).toEqual(['for dev']);
    expect(chat.unsent).toEqual([]);
  });

  it('takes a line for said that it sees, though the server could not tell', async () => {
    await enter();
    let publishes = 0;
    server.isAckLost = () => ++publishes > 0;
    await chat.say('hello');
    await run(60_000);
    expect(publishes).toBe(1);
    expect(chat.unsent).toEqual([]);
    expect(texts(chat.current)).toEqual(['hello']);
  });

  it('joins again where the server says it is no member any more', async () => {
    await enter();
    server.room('lobby').members.clear();
    await chat.say('still here');
    await run(50);
    expect(truth('lobby')).toEqual(['still here']);
  });

  it('says why a line is refused for good, and sends what follows', async () => {
    await enter();
    server.refusePublish = ({ body }) =>
      textOf({ body }) === 'bad' ? { code: 'too_large', message: 'Shorten it.' } : undefined;
    await chat.say('bad');
    await chat.say('good');
    await run(100);
    expect(chat.unsent).toMatchObject([{ text: 'bad', state: 'failed', failure: 'Shorten it.' }]);
    expect(truth('lobby')).toEqual(['good']);
  });
});

describe('what is done with messages', () => {
  const first = () => room('lobby').message(1);

  it('takes effect at once, and is stored', async () => {
    await enter();
    await chat.say('helo');
    await run(50);
    const lobby = room('lobby');
    void chat.edit(lobby, 1, 'hello');
    void chat.react(lobby, 1, '👍', false);
    await run(50);
    expect(first()).toMatchObject({ body: { text: 'hello' }, edited: true, reactions: [{ emoji: '👍', count: 1, mine: true }] });
    expect(server.room('lobby').log.map(({ kind, target }) => [kind, target])).toEqual([['text', undefined], ['edit', 1], ['reaction', 1]]);
    void chat.react(lobby, 1, '👍', true);
    void chat.remove(lobby, 1);
    await run(50);
    expect(first()).toMatchObject({ body: {}, deleted: true });
    expect(chat.unsent).toEqual([]);
    expect(lobby.unread).toBe(0);
  });

  it('waits for the connection, over a reload, and says why it is refused', async () => {
    await enter();
    await chat.say('one');
    await run(50);
    server.isDown = true;
    server.cut();
    await chat.edit(room('lobby'), 1, 'two');
    open();
    server.refusePublish = ({ kind }) => (kind === 'edit' ? { code: 'not_found', message: 'It is gone.' } : undefined);
    server.isDown = false;
    await run(60_000);
    expect(chat.unsent).toMatchObject([{ kind: 'edit', target: 1, state: 'failed', failure: 'It is gone.' }]);
    const [line] = chat.unsent;
    expect(chat.discard(line?.id ?? '')).toBe('two');
    expect(chat.unsent).toEqual([]);
  });

  it('an answer says what it answers, and an edit of it still does', async () => {
    await enter();
    server.say('lobby', 'question');
    await run(50);
    room('lobby').replyTo = 1;
    await chat.say('answer');
    await run(50);
    expect(server.room('lobby').log[1]?.body).toEqual({ text: 'answer', reply: 1 });
    await chat.edit(room('lobby'), 2, 'better answer');
    await run(50);
    expect(server.room('lobby').log[2]?.body).toEqual({ text: 'better answer', reply: 1 });
  });

  it('a room that one is no member of any more shows nothing', async () => {
    await enter();
    chat.open('dev');
    server.say('dev', 'secret');
    await run(50);
    server.cut();
    server.isDown = false;
    await run(5_000);
    server.room('dev').members.clear();
    server.broadcast('dev', { type: 'room', id: 'other', name: 'other', kind: 'private', last: 9 });
    await run(2_000);
    expect(texts(room('dev'))).toEqual([]);
    expect(room('dev').problem).toContain('no member');
  });

  it('a room that one is removed from says so, is not joined by coming back, and is when asked to', async () => {
    await enter();
    chat.open('dev');
    server.say('dev', 'before');
    await run(50);
    await chat.say('mine');
    await run(1_000);
    server.isDown = true;
    server.cut();
    await run(50);
    await chat.say('written while cut off');
    server.room('dev').members.clear(); // removed meanwhile
    server.isDown = false;
    await run(60_000);
    const dev = room('dev');
    expect([texts(dev), dev.isOut, dev.problem]).toEqual([[], true, 'You are no member of this room any more.']);
    expect(server.room('dev').members.size).toBe(0);
    expect(chat.unsent).toMatchObject([{ text: 'written while cut off', state: 'failed' }]);
    await Promise.all([chat.rejoin(dev), run(50)]);
    expect([dev.isOut, dev.problem, texts(dev)]).toEqual([false, '', ['before', 'mine']]);

    // Told at once, where one is connected; and gone from the list as soon as one looks elsewhere.
    server.remove('dev');
    await run(50);
    expect([dev.isOut, texts(dev), dev.users, dev.topic]).toEqual([true, [], [], '']);
    chat.open('lobby');
    await run(50);
    expect(chat.rooms.map(({ id }) => id)).toEqual(['lobby']);
    server.room('tea').members.add(chat.me?.id ?? '');
    server.say('tea', 'news');
    await run(1_000);
    expect(chat.rooms.map(({ id }) => id)).toEqual(['lobby', 'tea']);
    server.remove('tea');
    await run(50);
    expect(chat.rooms.map(({ id }) => id)).toEqual(['lobby']);
  });

  it('a mention is counted where nobody looks', async () => {
    await enter();
    chat.open('dev');
    await run(50);
    server.say('lobby', 'hello @ann!');
    server.say('lobby', 'hello @annabel!');
    await run(50);
    expect([room('lobby').unread, room('lobby').mentions]).toEqual([2, 1]);
  });

  it('drafts stay with their rooms, over a reload', async () => {
    await enter();
    room('lobby').draft = 'half a';
    chat.keepDraft(room('lobby'));
    chat.open('dev');
    await run(50);
    open();
    await run(50);
    expect([room('lobby').draft, room('dev').draft]).toEqual(['half a', '']);
  });
});

describe('a message from long ago', () => {
  const seqs = (): number[] => room('lobby').messages.map(({ seq }) => seq);

  it('is shown amid its surroundings, which join the newest ones by scrolling', async () => {
    for (let i = 1; i <= 500; i++) server.say('lobby', `line ${i}`);
    await enter();
    await Promise.all([chat.openMessage('lobby', 100), run(100)]);
    const lobby = room('lobby');
    expect(lobby.isExcerpt).toBe(true);
    expect(seqs()).toContain(100);
    expect(seqs()).not.toContain(500);
    server.say('lobby', 'meanwhile', { kind: 'edit', target: 100 });
    server.say('lobby', 'news');
    await run(50);
    expect(textOf(lobby.message(100) ?? { body: '' })).toBe('meanwhile');
    expect(seqs()).not.toContain(502);
    for (let i = 0; i < 20 && lobby.isExcerpt; i++) await Promise.all([chat.loadNewer(lobby), run(50)]);
    expect(lobby.isExcerpt).toBe(false);
    expect(seqs().at(-1)).toBe(502);
    expect(seqs()).toEqual(Array.from({ length: seqs().length }, (_, i) => 502 - seqs().length + 1 + i));
  });

  it('gives way to the newest ones', async () => {
    for (let i = 1; i <= 500; i++) server.say('lobby', `line ${i}`);
    await enter();
    await Promise.all([chat.openMessage('lobby', 100), run(100)]);
    chat.showLatest(room('lobby'));
    expect(seqs()).toEqual(Array.from({ length: 50 }, (_, i) => 451 + i));
    expect(room('lobby').hasOlder).toBe(true);
  });

  it('is given up where there is none', async () => {
    await enter();
    server.say('lobby', 'one');
    await Promise.all([chat.openMessage('lobby', 9), run(100)]);
    expect(room('lobby').target).toBeUndefined();
  });
});

describe('a bad network', () => {
  it('starts at the newest messages after a long absence, with the rest behind them', async () => {
    await enter();
    server.say('lobby', 'before');
    await run(50);
    server.isDown = true;
    server.cut();
    for (let i = 1; i <= 1_500; i++) server.say('lobby', `missed ${i}`);
    server.isDown = false;
    await run(60_000);
    expect(texts(chat.current)).toEqual(truth('lobby').slice(-50));
    expect(chat.current?.hasOlder).toBe(true);
  });

  it('starts over where the server has been put back to an earlier day', async () => {
    await enter();
    for (let i = 1; i <= 9; i++) server.say('lobby', `line ${i}`);
    await run(50);
    server.cut();
    server.room('lobby').log.length = 3;
    await run(5_000);
    server.say('lobby', 'afterwards');
    await run(50);
    expect(texts(chat.current)).toEqual(['line 1', 'line 2', 'line 3', 'afterwards']);
  });

  it('asks for what is missing where an event was lost', async () => {
    await enter();
    server.losesEvent = () => true;
    server.say('lobby', 'lost');
    server.losesEvent = () => false;
    server.say('lobby', 'arrived');
    await run(1_000);
    expect(texts(chat.current)).toEqual(['lost', 'arrived']);
  });

  it('catches up with several pages', async () => {
    await enter();
    server.isDown = true;
    server.cut();
    for (let i = 1; i <= 900; i++) server.say('lobby', `missed ${i}`);
    server.isDown = false;
    await run(60_000);
    expect(texts(chat.current)).toEqual(truth('lobby'));
  });

  it('loses nothing and doubles nothing, wherever the connection is cut', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = seeded(seed);
      server = new FakeServer();
      server.latency = () => below(80, random);
      server.losesEvent = () => random() < 0.1;
      server.isAckLost = () => random() < 0.1;
      memory = { session: undefined, name: '', room: '', drafts: {} };
      store = new MemoryOutboxStore();
      open('', random);
      chat.enter('ann');
      await run(1_000);

      const said: string[] = [];
      for (let step = 0; step < 60; step++) {
        const dice = random();
        if (dice < 0.4) {
          said.push(`own ${step}`);
          void chat.say(`own ${step}`);
        } else if (dice < 0.75) server.say('lobby', `other ${step}`);
        else if (dice < 0.85) server.cut();
        else if (dice < 0.9) server.isDown = !server.isDown;
        else if (dice < 0.95) server.refusePublish = () => ({ code: 'unavailable', message: 'Later.' });
        else server.refusePublish = () => undefined;
        await run(below(150, random));
        expectEachRowOnce(seed);
      }
      server.isDown = false;
      server.refusePublish = () => undefined;
      server.losesEvent = () => false;
      server.isAckLost = () => false;
      await run(120_000);
      // What follows a lost last message is what shows that it is missing.
      server.say('lobby', 'the end');
      await run(1_000);

      expect(texts(chat.current), `seed ${seed}`).toEqual(truth('lobby'));
      expect(truth('lobby').filter((text) => text.startsWith('own')), `seed ${seed}`).toEqual(said);
      expect(chat.unsent, `seed ${seed}`).toEqual([]);
      await chat.signOut();
    }
  });
});

function expectEachRowOnce(seed: number): void {
  const shown = chat.current;
  if (!shown || !chat.me) return;
  const rows = toRows({
    messages: shown.messages,
    unsent: chat.unsent,
    me: chat.me,
    newAfter: shown.newAfter,
    now: new Date(),
  });
  expect(new Set(rows.map(({ key }) => key)).size, `seed ${seed}: a row is there twice`).toBe(rows.length);
}

import { describe, expect, it } from 'vitest';
import { chat, enter, memory, open, room, run, server, texts, truth } from './support/page';

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
    expect(chat.sending.unsent).toMatchObject([{ text: 'written meanwhile', state: 'failed' }]);
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

  it('a mention is counted where nobody looks', async () => {
    await enter();
    chat.open('dev');
    await run(50);
    server.say('lobby', 'hello @ann!');
    server.say('lobby', 'hello @annabel!');
    await run(50);
    expect([room('lobby').unread, room('lobby').mentions]).toEqual([2, 1]);
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

describe('being no member any more', () => {
  it('shows nothing of the room', async () => {
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

  it('says so, is not undone by coming back, and is when asked to', async () => {
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
    expect(chat.sending.unsent).toMatchObject([{ text: 'written while cut off', state: 'failed' }]);
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
});

describe('drafts', () => {
  it('stay with their rooms, over a reload', async () => {
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

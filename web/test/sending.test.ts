import { describe, expect, it } from 'vitest';
import { textOf } from '../src/lib/protocol';
import { chat, enter, open, room, run, server, texts, truth } from './support/page';

describe('sending', () => {
  it('shows a line at once, and once, on its way from unsent to said', async () => {
    await enter();
    server.latency = () => 100;
    void chat.say('hello');
    await run(1);
    expect(chat.sending.unsent.map(({ state }) => state)).toEqual(['sending']);
    for (let i = 0; i < 40; i++) {
      await run(10);
      expect(texts(chat.current).length + chat.sending.unsent.length).toBe(1);
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
    expect(chat.sending.unsent.map(({ text }) => text)).toEqual(['a', 'b', 'c']);
    server.isDown = false;
    await run(60_000);
    expect(truth('lobby')).toEqual(['a', 'b', 'c']);
    expect(texts(chat.current)).toEqual(['a', 'b', 'c']);
    expect(chat.sending.unsent).toEqual([]);
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
    expect(chat.sending.unsent).toEqual([]);
  });

  it('takes a line for said that it sees, though the server could not tell', async () => {
    await enter();
    let publishes = 0;
    server.isAckLost = () => ++publishes > 0;
    await chat.say('hello');
    await run(60_000);
    expect(publishes).toBe(1);
    expect(chat.sending.unsent).toEqual([]);
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
    expect(chat.sending.unsent).toMatchObject([{ text: 'bad', state: 'failed', failure: 'Shorten it.' }]);
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
    void chat.sending.edit(lobby, 1, 'hello');
    void chat.sending.react(lobby, 1, '👍', false);
    await run(50);
    expect(first()).toMatchObject({ body: { text: 'hello' }, edited: true, reactions: [{ emoji: '👍', count: 1, mine: true }] });
    expect(server.room('lobby').log.map(({ kind, target }) => [kind, target])).toEqual([['text', undefined], ['edit', 1], ['reaction', 1]]);
    void chat.sending.react(lobby, 1, '👍', true);
    void chat.sending.remove(lobby, 1);
    await run(50);
    expect(first()).toMatchObject({ body: {}, deleted: true });
    expect(chat.sending.unsent).toEqual([]);
    expect(lobby.unread).toBe(0);
  });

  it('waits for the connection, over a reload, and says why it is refused', async () => {
    await enter();
    await chat.say('one');
    await run(50);
    server.isDown = true;
    server.cut();
    await chat.sending.edit(room('lobby'), 1, 'two');
    open();
    server.refusePublish = ({ kind }) => (kind === 'edit' ? { code: 'not_found', message: 'It is gone.' } : undefined);
    server.isDown = false;
    await run(60_000);
    expect(chat.sending.unsent).toMatchObject([{ kind: 'edit', target: 1, state: 'failed', failure: 'It is gone.' }]);
    const [line] = chat.sending.unsent;
    expect(chat.sending.discard(line?.id ?? '')).toBe('two');
    expect(chat.sending.unsent).toEqual([]);
  });

  it('an answer says what it answers, and an edit of it still does', async () => {
    await enter();
    server.say('lobby', 'question');
    await run(50);
    room('lobby').replyTo = 1;
    await chat.say('answer');
    await run(50);
    expect(server.room('lobby').log[1]?.body).toEqual({ text: 'answer', reply: 1 });
    await chat.sending.edit(room('lobby'), 2, 'better answer');
    await run(50);
    expect(server.room('lobby').log[2]?.body).toEqual({ text: 'better answer', reply: 1 });
  });
});

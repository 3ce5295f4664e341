import { describe, expect, it } from 'vitest';
import { textOf } from '../src/lib/protocol';
import { toRows } from '../src/lib/rows';
import { chat, enter, open, room, run, server, startAnew, texts, truth } from './support/page';
import { below, seeded } from './support/random';

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
      startAnew();
      server.latency = () => below(80, random);
      server.losesEvent = () => random() < 0.1;
      server.isAckLost = () => random() < 0.1;
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
      expect(chat.sending.unsent, `seed ${seed}`).toEqual([]);
      await chat.signOut();
    }
  });
});

function expectEachRowOnce(seed: number): void {
  const shown = chat.current;
  if (!shown || !chat.me) return;
  const rows = toRows({
    messages: shown.messages,
    unsent: chat.sending.unsent,
    me: chat.me,
    newAfter: shown.newAfter,
    now: new Date(),
  });
  expect(new Set(rows.map(({ key }) => key)).size, `seed ${seed}: a row is there twice`).toBe(rows.length);
}

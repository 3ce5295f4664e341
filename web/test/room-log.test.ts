import { describe, expect, it } from 'vitest';
import { RoomLog } from '../src/lib/room-log';
import type { Message } from '../src/lib/protocol';
import { message, messages } from './support/messages';
import { below, seeded, shuffled } from './support/random';

const seqs = (log: RoomLog): number[] => log.messages.map(({ seq }) => seq);
const range = (from: number, to: number): number[] => messages(from, to).map(({ seq }) => seq);

describe('RoomLog', () => {
  it('starts at the newest messages of a long room', () => {
    const log = new RoomLog();
    log.reset(messages(51, 100), 100);
    expect(seqs(log)).toEqual(range(51, 100));
    expect(log.last).toBe(100);
    expect(log.gap).toBeUndefined();
  });

  it('starts empty in a room that has no messages', () => {
    const log = new RoomLog();
    log.reset([], 0);
    log.add([message(1)]);
    expect(seqs(log)).toEqual([1]);
  });

  it('starts over without what was known of an earlier account', () => {
    const log = new RoomLog();
    log.reset(messages(1, 9), 9);
    log.add([message(12)]);
    log.reset(messages(1, 3), 3);
    expect(seqs(log)).toEqual([1, 2, 3]);
    expect(log.gap).toBeUndefined();
  });

  it('holds back what is behind a hole until the hole is filled', () => {
    const log = new RoomLog();
    log.reset(messages(1, 2), 2);
    expect(log.add([message(5)])).toEqual([]);
    expect(seqs(log)).toEqual([1, 2]);
    expect(log.gap).toEqual({ after: 2, through: 4 });
    expect(log.add(messages(3, 4)).map(({ seq }) => seq)).toEqual([3, 4, 5]);
    expect(log.gap).toBeUndefined();
  });

  it('goes on behind a gap that the server has nothing for', () => {
    const log = new RoomLog();
    log.reset(messages(1, 2), 2);
    log.add([message(5)]);
    log.fill({ after: 2, through: 4 }, []);
    expect(seqs(log)).toEqual([1, 2, 5]);
    expect(log.gap).toBeUndefined();
  });

  it('goes on behind the beginning of a gap that the server has only the end of', () => {
    const log = new RoomLog();
    log.reset(messages(1, 2), 2);
    log.add([message(6)]);
    log.fill({ after: 2, through: 5 }, [message(5)]);
    expect(seqs(log)).toEqual([1, 2, 5, 6]);
  });

  it('puts history before what it has, once', () => {
    const log = new RoomLog();
    log.reset(messages(51, 60), 60);
    expect(log.prepend(messages(41, 50))).toBe(true);
    expect(log.prepend(messages(41, 50))).toBe(false);
    expect(seqs(log)).toEqual(range(41, 60));
  });

  it('lets go of what is old, and takes it back', () => {
    const log = new RoomLog();
    log.reset(messages(1, 20), 20);
    log.trim(5);
    expect(seqs(log)).toEqual(range(16, 20));
    expect(log.last).toBe(20);
    log.prepend(messages(11, 15));
    expect(seqs(log)).toEqual(range(11, 20));
  });

  it('is the same list, however its messages arrive: shuffled, doubled, in pieces', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seeded(seed);
      const all = messages(1, 1 + below(60, random));
      const begun = below(all.length, random);
      const log = new RoomLog();
      log.reset(all.slice(0, begun), begun);
      const arriving = shuffled([...all, ...all.slice(0, below(all.length, random))], random);
      while (arriving.length > 0) {
        log.add(arriving.splice(0, 1 + below(5, random)));
        expectUnbroken(log.messages, seed);
      }
      expect(seqs(log), `seed ${seed}`).toEqual(range(1, all.length));
      expect(log.gap, `seed ${seed}`).toBeUndefined();
    }
  });

  it('finds every hole, and filling them one after the other gives the whole', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seeded(seed);
      const all = messages(1, 2 + below(80, random));
      const log = new RoomLog();
      log.reset([], 0);
      log.add(shuffled(all.filter((_, i) => i === all.length - 1 || random() < 0.5), random));
      let asked = 0;
      for (let gap = log.gap; gap; gap = log.gap) {
        const { after } = gap;
        log.fill(gap, all.slice(after, after + 1 + below(4, random)));
        expectUnbroken(log.messages, seed);
        expect(++asked, `seed ${seed}: asks without getting on`).toBeLessThan(200);
      }
      expect(seqs(log), `seed ${seed}`).toEqual(range(1, all.length));
    }
  });
});

function expectUnbroken(shown: readonly Message[], seed: number): void {
  const broken = shown.findIndex((item, i) => i > 0 && item.seq !== (shown[i - 1]?.seq ?? 0) + 1);
  expect(broken, `seed ${seed}: a hole or a double at this place`).toBe(-1);
}

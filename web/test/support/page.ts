import { afterEach, beforeEach, vi } from 'vitest';
import { systemClock } from '../../src/lib/clock';
import { MemoryOutboxStore } from '../../src/lib/outbox-store';
import { textOf } from '../../src/lib/protocol';
import type { Memory } from '../../src/lib/session';
import { Chat } from '../../src/state/chat.svelte';
import type { Room } from '../../src/state/room.svelte';
import { FakeServer } from './fake-server';

/** A page with its server, anew for each test; time passes by `run` alone. */
export let server: FakeServer;
export let memory: Memory;
export let chat: Chat;
let store: MemoryOutboxStore;

export const run = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
export const texts = (room: Room | undefined): string[] => room?.messages.map(textOf) ?? [];
export const truth = (id: string): string[] => server.room(id).log.map(textOf);
export const room = (id: string): Room => {
  const found = chat.rooms.find((candidate) => candidate.id === id);
  if (!found) throw new Error(`no room ${id}`);
  return found;
};

/** Opens the page, or another one of the same browser. */
export function open(wanted = '', random: () => number = () => 0.5): Chat {
  chat = new Chat({ connect: server.connect, clock: systemClock, random, store, memory });
  chat.start(wanted === '' ? {} : { room: wanted });
  return chat;
}

export async function enter(): Promise<void> {
  open();
  chat.enter('ann');
  await run(50);
}

/** Another server, and a browser that remembers nothing. */
export function startAnew(): void {
  server = new FakeServer();
  memory = { session: undefined, name: '', room: '', drafts: {} };
  store = new MemoryOutboxStore();
}

beforeEach(() => {
  vi.useFakeTimers();
  startAnew();
});

afterEach(async () => {
  await chat.signOut();
  vi.useRealTimers();
});

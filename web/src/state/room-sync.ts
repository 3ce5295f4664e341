import { RequestError, type Client } from '../lib/client';
import type { Clock } from '../lib/clock';
import { JOIN_MANY_LIMIT, type Joined, type JoinFailed, type Message } from '../lib/protocol';
import type { Room } from './room.svelte';

/** How long a hole may be one that the next packet closes, in ms. */
const GAP_PATIENCE = 100;
/** Who comes back to more than this starts at the newest messages, and finds the rest by scrolling up. */
const CATCH_UP_LIMIT = 1_000;
/** Where there is nothing yet, a page that comes fast; further back, one that lasts. */
const PAGE = 50;
const PAGE_BACK = 100;
/** So much is fetched on both sides of a message that a link leads to. */
const AROUND = 40;
const PAGE_LIMIT = 200;
const RETRY = 2_000;

/** Asks the server for what a room lacks: when it is opened, after an absence, where a hole shows, and further back. */
export class RoomSync {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #onGrown: (room: Room, joined: readonly Message[]) => void;
  readonly #catchingUp = new Set<Room>();
  readonly #reaching = new Set<Room>();

  constructor(client: Client, clock: Clock, onGrown: (room: Room, joined: readonly Message[]) => void) {
    this.#client = client;
    this.#clock = clock;
    this.#onGrown = onGrown;
  }

  /**
   * Opens rooms, or goes on in them from where they are. Where the server refuses one, its `problem` says why.
   *
   * @throws ConnectionLost where the connection goes meanwhile: the next one resumes
   */
  async join(rooms: readonly Room[]): Promise<void> {
    for (let i = 0; i < rooms.length; i += JOIN_MANY_LIMIT) await this.#joinSome(rooms.slice(i, i + JOIN_MANY_LIMIT));
  }

  /** Something arrived in the room, perhaps behind a hole. */
  checkForGap(room: Room): void {
    if (room.gap) this.#catchUpAfter(room, GAP_PATIENCE);
  }

  /** Fetches a page of older messages, if there is one and it is not being fetched. */
  async loadOlder(room: Room): Promise<void> {
    if (!room.isLoaded || !room.hasOlder || room.isLoadingOlder) return;
    room.isLoadingOlder = true;
    try {
      const before = room.shownFrom;
      const page = await this.#client.request('history', { room: room.id, before, limit: PAGE_BACK });
      // Unless the room has started over meanwhile: then the page does not join what is shown.
      if (room.shownFrom === before) room.prepend(page.messages, page.more);
      room.isLoadingOlder = false;
    } catch (error) {
      // The page asks again as soon as it may: while its reader is still at the top.
      const wait = error instanceof RequestError ? (error.retryAfter ?? RETRY) : 0;
      this.#clock.after(wait, () => (room.isLoadingOlder = false));
    }
  }

  /** Fetches a page of what follows an excerpt. */
  async loadNewer(room: Room): Promise<void> {
    if (!room.isExcerpt || room.isLoadingNewer) return;
    room.isLoadingNewer = true;
    try {
      const after = room.shownTo;
      const page = await this.#client.request('history', { room: room.id, after, limit: PAGE_BACK });
      if (room.shownTo === after) room.append(page.messages);
      room.isLoadingNewer = false;
    } catch (error) {
      const wait = error instanceof RequestError ? (error.retryAfter ?? RETRY) : 0;
      this.#clock.after(wait, () => (room.isLoadingNewer = false));
    }
  }

  /** Brings the message that is asked for into what is shown, with its surroundings. Where there is none, it is given up. */
  async reach(room: Room): Promise<void> {
    const seq = room.target;
    if (seq === undefined || !room.isLoaded || this.#reaching.has(room)) return;
    this.#reaching.add(room);
    try {
      await this.#loadAround(room, seq);
      if (room.target === seq && !has(room, seq)) room.target = undefined;
    } catch {
      // Once the room has been joined by the next connection, it is tried again.
    }
    this.#reaching.delete(room);
  }

  /** Fetches a message that another one quotes, unless it is here or on its way. */
  async loadQuote(room: Room, seq: number): Promise<void> {
    if (room.message(seq) !== undefined || room.quotes.has(seq)) return;
    room.quote(seq, undefined);
    const { messages } = await this.#client.request('history', { room: room.id, before: seq + 1, limit: 1 });
    room.quote(seq, messages.find((message) => message.seq === seq));
  }

  async #loadAround(room: Room, seq: number): Promise<void> {
    if (has(room, seq)) return;
    const [before, after] = await Promise.all([
      this.#client.request('history', { room: room.id, before: seq + 1, limit: AROUND }),
      this.#client.request('history', { room: room.id, after: seq, limit: AROUND }),
    ]);
    const messages = [...before.messages, ...after.messages];
    if (messages.length > 0) room.showExcerpt(messages, before.more);
  }

  async #joinSome(rooms: readonly Room[]): Promise<void> {
    const since = Object.fromEntries(rooms.map((room) => [room.id, room.isLoaded ? room.shownThrough : null]));
    let answers: (Joined | JoinFailed)[];
    try {
      answers = (await this.#client.request('join', { rooms: since })).rooms;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      const { code, message, retryAfter } = error;
      answers = rooms.map(({ id }) => ({ room: id, error: { code, message, retry_after: retryAfter } }));
    }
    const byId = new Map(answers.map((answer) => [answer.room, answer]));
    const later: Room[] = [];
    let laterBy = 0;
    for (const room of rooms) {
      const answer = byId.get(room.id);
      if (!answer) continue;
      if (!('error' in answer)) {
        this.#joined(room, answer);
        continue;
      }
      if (!room.isLoaded || answer.error.code === 'not_found') room.close(answer.error.message);
      if (answer.error.retry_after === undefined) continue;
      later.push(room);
      laterBy = Math.max(laterBy, answer.error.retry_after);
    }
    if (later.length > 0) this.#clock.after(laterBy, () => void this.join(later).catch(() => undefined));
  }

  #joined(room: Room, ack: Joined): void {
    this.#onGrown(room, room.joined(ack));
    if (room.gap) this.#catchUpAfter(room, 0);
  }

  #catchUpAfter(room: Room, delay: number): void {
    if (this.#catchingUp.has(room)) return;
    this.#catchingUp.add(room);
    this.#clock.after(delay, () => void this.#catchUp(room));
  }

  async #catchUp(room: Room): Promise<void> {
    let again: number | undefined;
    try {
      for (let gap = room.gap; gap; gap = room.gap) {
        if (gap.through - gap.after > CATCH_UP_LIMIT) {
          const page = await this.#client.request('history', { room: room.id, before: room.last + 1, limit: PAGE });
          this.#onGrown(room, room.restart(page.messages, room.last, page.more));
        } else {
          const page = await this.#client.request('history', { room: room.id, after: gap.after, limit: PAGE_LIMIT });
          this.#onGrown(room, room.fill(gap, page.messages));
        }
      }
    } catch (error) {
      // After a lost connection, joining anew asks for all that is missing.
      if (error instanceof RequestError) again = error.retryAfter ?? RETRY;
    }
    this.#catchingUp.delete(room);
    if (again !== undefined) this.#catchUpAfter(room, again);
  }
}

function has({ messages }: Room, seq: number): boolean {
  return messages.some((message) => message.seq === seq);
}

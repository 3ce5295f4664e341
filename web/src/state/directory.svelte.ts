import { ApiError, type Api, type Person } from '../lib/api';
import type { Clock, Timer } from '../lib/clock';
import type { User } from '../lib/protocol';
import type { Room } from './room.svelte';

/** Presence is asked for this often, of those on the screen, in ms. */
const REFRESH = 30_000;

/** People and rooms beyond the ones this page has met: who there is, and who of them is online. Asks the HTTP API. */
export class Directory {
  /** The other person of each direct room that was looked at, by room id. */
  others: ReadonlyMap<string, Person> = $state.raw(new Map());

  readonly api: Api;
  readonly #clock: Clock;
  #watched: readonly Room[] = [];
  #me = '';
  #timer: Timer | undefined;

  constructor(api: Api, clock: Clock) {
    this.api = api;
    this.#clock = clock;
  }

  /** People whose name, or a word in it, begins with `query`. None where the server does not say. */
  async findPeople(query: string): Promise<Person[]> {
    return this.api.people(query).catch(() => []);
  }

  /** Keeps an eye on the other person of these direct rooms, which are on the screen, until told otherwise. */
  watch(rooms: readonly Room[], me: User): void {
    this.#me = me.id;
    const before = this.#watched;
    this.#watched = rooms;
    for (const room of rooms) if (!before.includes(room)) void this.#look(room);
    this.#wait();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#watched = [];
  }

  #refresh(): void {
    this.#timer = undefined;
    for (const room of this.#watched) void this.#look(room);
    this.#wait();
  }

  #wait(): void {
    if (this.#watched.length > 0) this.#timer ??= this.#clock.after(REFRESH, () => this.#refresh());
  }

  async #look(room: Room): Promise<void> {
    try {
      const { members } = await this.api.members(room.id);
      const other = members.find(({ id }) => id !== this.#me);
      if (!other) return;
      room.meet([other]);
      this.others = new Map(this.others).set(room.id, other);
    } catch (error) {
      // What is not known is not shown.
      if (!(error instanceof ApiError)) throw error;
    }
  }
}

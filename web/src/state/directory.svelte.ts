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
    const isNew = rooms.some((room) => !this.#watched.includes(room));
    this.#watched = rooms;
    if (isNew || !this.#timer) this.#refresh();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#watched = [];
  }

  #refresh(): void {
    this.#timer?.cancel();
    this.#timer = this.#watched.length > 0 ? this.#clock.after(REFRESH, () => this.#refresh()) : undefined;
    for (const room of this.#watched) void this.#look(room);
  }

  async #look(room: Room): Promise<void> {
    try {
      const { members } = await this.api.members(room.id);
      const other = members.find(({ id }) => id !== this.#me);
      if (!other) return;
      room.meet([other]);
      const known = other.online === true ? other : { ...(await this.#person(other)), ...other };
      this.others = new Map(this.others).set(room.id, known);
    } catch (error) {
      // What is not known is not shown.
      if (!(error instanceof ApiError)) throw error;
    }
  }

  /** When somebody was here last is told with the people alone. */
  async #person({ id, name }: Person): Promise<Person | undefined> {
    return (await this.api.people(name)).find((person) => person.id === id);
  }
}

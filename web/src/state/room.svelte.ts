import type { Clock } from '../lib/clock';
import { isSpoken, type Joined, type Message, type RoomSummary, type User } from '../lib/protocol';
import { RoomLog, type Gap } from '../lib/room-log';
import { Typists } from '../lib/typing';

/** A room that is open for days holds no more messages than this; when it does, it goes down to the newest `KEPT`. */
const HELD_LIMIT = 400;
const KEPT = 150;

/** One room as the page shows it. It only holds what it is told: RoomSync asks the server, Chat passes on events. */
export class Room {
  readonly id: string;
  name: string = $state('');
  kind: string = $state('public');
  /** The highest seq known to exist. */
  last: number = $state(0);
  /** How far this person has read. */
  read: number = $state(0);
  /** The server is about to be told how far. */
  isReadDue = false;
  unread: number = $state(0);
  mentions: number = $state(0);

  messages: readonly Message[] = $state.raw([]);
  /** Whether this connection or an earlier one has joined it, so that there are messages to show. */
  isLoaded: boolean = $state(false);
  hasOlder: boolean = $state(false);
  isLoadingOlder: boolean = $state(false);
  /** Why it could not be opened. */
  problem: string = $state('');
  /** Where the divider "New" stands: behind this seq. */
  newAfter: number | undefined = $state();

  /** Some of who is here: the server names at most 100. */
  users: readonly User[] = $state.raw([]);
  /** How many are here. */
  count: number = $state(0);
  typing: readonly User[] = $state.raw([]);
  draft: string = $state('');

  readonly #log = new RoomLog();
  readonly #typists: Typists;

  constructor(id: string, clock: Clock) {
    this.id = id;
    this.name = id;
    this.#typists = new Typists(clock, (users) => (this.typing = users));
  }

  /** The last seq up to which nothing is missing here. */
  get shownThrough(): number {
    return this.#log.last;
  }

  /** The first seq shown. */
  get shownFrom(): number {
    return this.messages[0]?.seq ?? this.#log.last + 1;
  }

  /** What is known to exist and is not here. */
  get gap(): Gap | undefined {
    if (!this.isLoaded) return undefined;
    return this.#log.gap ?? (this.#log.last < this.last ? { after: this.#log.last, through: this.last } : undefined);
  }

  describe(summary: Pick<RoomSummary, 'name' | 'kind' | 'last'>): void {
    this.name = summary.name || this.id;
    this.kind = summary.kind;
    this.last = Math.max(this.last, summary.last);
  }

  /** Takes the server's account of what is read. Tells whether this page knows better, and should say so. */
  account({ read, unread, mentions }: RoomSummary): boolean {
    if (this.read > read) return true;
    this.read = read;
    this.unread = unread;
    this.mentions = mentions;
    return false;
  }

  /** Everything up to `seq` is read. */
  readThrough(seq: number): void {
    if (seq <= this.read) return;
    this.read = seq;
    const left = this.messages.filter((message) => message.seq > seq && isSpoken(message)).length;
    this.unread = Math.min(this.unread, left);
    if (left === 0) this.mentions = 0;
  }

  /** Takes a join's answer. Returns what is new to the log. */
  joined(ack: Joined): readonly Message[] {
    this.problem = '';
    this.users = ack.users;
    this.count = ack.count;
    this.#typists.clear();
    if (this.isLoaded && ack.recovered === true) {
      this.last = Math.max(this.last, ack.last);
      return this.#grow(this.#log.add(ack.messages));
    }
    // Also down: a server whose data was put back to an earlier day has fewer messages than it had.
    this.last = ack.last;
    this.read = Math.min(this.read, ack.last);
    return this.restart(ack.messages, ack.last, ack.more);
  }

  /** Shows these newest messages in place of what was there. */
  restart(messages: readonly Message[], last: number, hasOlder: boolean): readonly Message[] {
    this.isLoaded = true;
    this.hasOlder = hasOlder;
    return this.#grow(this.#log.reset(messages, last));
  }

  add(messages: readonly Message[]): readonly Message[] {
    for (const message of messages) {
      this.last = Math.max(this.last, message.seq);
      this.#typists.stopped(message.from.id);
    }
    return this.#grow(this.#log.add(messages));
  }

  fill(gap: Gap, messages: readonly Message[]): readonly Message[] {
    return this.#grow(this.#log.fill(gap, messages));
  }

  prepend(messages: readonly Message[], hasOlder: boolean): void {
    const grown = this.#log.prepend(messages);
    this.hasOlder = hasOlder && grown;
    this.messages = this.#log.messages;
  }

  /** Nobody reads further back now: what is old can be fetched again. */
  tidy(): void {
    if (this.messages.length <= HELD_LIMIT) return;
    this.#log.trim(KEPT);
    this.messages = this.#log.messages;
    this.hasOlder = true;
  }

  present(user: User, online: boolean): void {
    const isKnown = this.users.some((other) => other.id === user.id);
    if (online && !isKnown) {
      this.users = [...this.users, user];
      this.count++;
    } else if (!online) {
      this.users = this.users.filter((other) => other.id !== user.id);
      this.count = Math.max(this.users.length, this.count - 1);
      this.#typists.stopped(user.id);
    }
  }

  typed(user: User): void {
    this.#typists.heard(user);
  }

  #grow(joined: readonly Message[]): readonly Message[] {
    this.messages = this.#log.messages;
    return joined;
  }
}

import type { Clock } from '../lib/clock';
import { isSpoken, type Joined, type Message, type RoomNews, type RoomSummary, type User } from '../lib/protocol';
import { RoomLog, type Gap } from '../lib/room-log';
import { Typists } from '../lib/typing';

/** A room that is open for days holds no more messages than this; when it does, it goes down to the newest `KEPT`. */
const HELD_LIMIT = 400;
const KEPT = 150;

/** In a room of up to so many people, whoever comes or goes has the list of its members asked for anew. */
const TOLD_ALL = 50;

/** One room as the page shows it. It only holds what it is told: RoomSync asks the server, Chat passes on events. */
export class Room {
  readonly id: string;
  name: string = $state('');
  kind: string = $state('public');
  topic: string = $state('');
  isArchived: boolean = $state(false);
  /** The highest seq known to exist. */
  last: number = $state(0);
  /** How far this person has read. */
  read: number = $state(0);
  /** The server has counted it among one's rooms. */
  isMember = false;
  /** `admin` of the room, or nothing. */
  role: string = $state('');
  /** The server is about to be told how far. */
  isReadDue = false;
  unread: number = $state(0);
  mentions: number = $state(0);

  /** What is shown: the newest run, or an excerpt around a message from long ago. */
  messages: readonly Message[] = $state.raw([]);
  /** Grows when what is shown is no continuation of what was shown. */
  epoch: number = $state(0);
  /** Whether this connection or an earlier one has joined it, so that there are messages to show. */
  isLoaded: boolean = $state(false);
  hasOlder: boolean = $state(false);
  isLoadingOlder: boolean = $state(false);
  /** What is shown is an excerpt: newer messages follow it. */
  isExcerpt: boolean = $state(false);
  isLoadingNewer: boolean = $state(false);
  /** Why it could not be opened. */
  problem: string = $state('');
  /** One was a member and is none any more: it is not joined again unless the person asks for it. */
  isOut: boolean = $state(false);
  /** Grows when something about it or its members was changed. */
  revision: number = $state(0);
  /** Where the divider "New" stands: behind this seq. */
  newAfter: number | undefined = $state();
  /** The message to bring into view as soon as it is there. */
  target: number | undefined = $state();
  /** The message that was brought into view last. */
  highlighted: number | undefined = $state();

  /** Some of who is here: the server names at most 100. */
  users: readonly User[] = $state.raw([]);
  /** How many are here. */
  count: number = $state(0);
  typing: readonly User[] = $state.raw([]);
  /** Everybody who was met here: who is mentioned is found among them. By id; a new map where somebody is new. */
  people: ReadonlyMap<string, User> = $state.raw(new Map());
  draft: string = $state('');
  /** The message that the draft answers. */
  replyTo: number | undefined = $state();
  /** The message that is being edited. */
  editing: number | undefined = $state();
  /** Messages that others quote and that are not shown, and those the server does not have (undefined). */
  quotes: ReadonlyMap<number, Message | undefined> = $state.raw(new Map());

  readonly #log: RoomLog;
  /** Messages from long ago that do not join the newest ones. */
  #excerpt: RoomLog | undefined;
  /** Whether there is more before the newest run, while an excerpt is shown. */
  #logHasOlder = false;
  readonly #me: () => string;
  readonly #typists: Typists;

  constructor(id: string, clock: Clock, me: () => string = () => '') {
    this.id = id;
    this.name = id;
    this.#me = me;
    this.#log = new RoomLog(me);
    this.#typists = new Typists(clock, (users) => (this.typing = users));
  }

  /** The last seq of the newest run: up to there nothing is missing. */
  get shownThrough(): number {
    return this.#log.last;
  }

  /** The first seq of what is shown. */
  get shownFrom(): number {
    return this.#shown.first;
  }

  /** The last seq of what is shown. */
  get shownTo(): number {
    return this.#shown.last;
  }

  /** What is known to exist and is not here. */
  get gap(): Gap | undefined {
    if (!this.isLoaded) return undefined;
    return this.#log.gap ?? (this.#log.last < this.last ? { after: this.#log.last, through: this.last } : undefined);
  }

  /** A message that is held, shown or quoted. */
  message(seq: number): Message | undefined {
    void this.messages;
    return this.#log.at(seq) ?? this.#excerpt?.at(seq) ?? this.quotes.get(seq);
  }

  describe({ name, kind, topic, archived, last }: Omit<RoomNews, 'id'>): void {
    this.name = name || this.id;
    this.kind = kind;
    this.topic = topic ?? '';
    this.isArchived = archived === true;
    this.last = Math.max(this.last, last);
  }

  /** Takes the server's account of what is read. Tells whether this page knows better, and should say so. */
  account({ read, unread, mentions, role }: RoomSummary): boolean {
    this.isMember = true;
    this.isOut = false;
    this.role = role ?? '';
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
    const left = this.#log.messages.filter((message) => message.seq > seq && isSpoken(message) && message.from.id !== this.#me()).length;
    this.unread = Math.min(this.unread, left);
    this.mentions = Math.min(this.mentions, this.unread);
  }

  /** Takes a join's answer. Returns what is new to the log. */
  joined(ack: Joined): readonly Message[] {
    this.problem = '';
    this.isOut = false;
    this.users = ack.users;
    this.count = ack.count;
    this.meet(ack.users);
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
    this.quotes = new Map();
    this.#leaveExcerpt();
    return this.#grow(this.#log.reset(messages, last));
  }

  /** One is no member any more. */
  leave(): void {
    this.close('You are no member of this room any more.');
    this.isOut = true;
    this.role = '';
    this.topic = '';
    this.unread = 0;
    this.mentions = 0;
    this.#typists.clear();
  }

  /** It cannot be opened, or not any more: nothing of it is shown. */
  close(problem: string): void {
    this.problem = problem;
    this.users = [];
    this.count = 0;
    this.isMember = false;
    this.#leaveExcerpt();
    this.#log.reset([], 0);
    this.isLoaded = false;
    this.#update();
  }

  add(messages: readonly Message[]): readonly Message[] {
    for (const message of messages) {
      this.last = Math.max(this.last, message.seq);
      if (isSpoken(message)) this.#typists.stopped(message.from.id);
    }
    return this.#grow(this.#log.add(messages));
  }

  fill(gap: Gap, messages: readonly Message[]): readonly Message[] {
    return this.#grow(this.#log.fill(gap, messages));
  }

  prepend(messages: readonly Message[], hasOlder: boolean): void {
    const grown = this.#shown.prepend(messages);
    this.hasOlder = hasOlder && grown;
    this.#update();
  }

  /** Shows these messages from long ago, which do not join the newest ones. */
  showExcerpt(messages: readonly Message[], hasOlder: boolean): void {
    if (!this.#excerpt) this.#logHasOlder = this.hasOlder;
    this.#excerpt = new RoomLog(this.#me);
    this.#excerpt.reset(messages, messages.at(-1)?.seq ?? 0);
    this.hasOlder = hasOlder;
    this.isExcerpt = true;
    this.epoch++;
    this.#joinExcerpt();
  }

  /** Messages that follow the excerpt. */
  append(messages: readonly Message[]): void {
    this.#excerpt?.add(messages);
    this.#joinExcerpt();
  }

  /** Shows the newest messages again. */
  showLatest(): void {
    if (!this.#excerpt) return;
    this.hasOlder = this.#logHasOlder;
    this.#leaveExcerpt();
    this.#update();
  }

  quote(seq: number, message: Message | undefined): void {
    this.quotes = new Map(this.quotes).set(seq, message);
  }

  /** Nobody reads further back now: what is old can be fetched again. */
  tidy(): void {
    if (this.#excerpt || this.messages.length <= HELD_LIMIT) return;
    this.#log.trim(KEPT);
    this.hasOlder = true;
    this.#update();
  }

  present(user: User, online: boolean): void {
    const isKnown = this.users.some((other) => other.id === user.id);
    if (online && !isKnown) {
      this.users = [...this.users, user];
      this.count++;
      this.meet([user]);
    } else if (!online) {
      this.users = this.users.filter((other) => other.id !== user.id);
      this.count = Math.max(this.users.length, this.count - 1);
      this.#typists.stopped(user.id);
    }
    if (this.count <= TOLD_ALL) this.revision++;
  }

  /** These people belong to the room, or have said something in it. */
  meet(users: Iterable<User>): void {
    let grown: Map<string, User> | undefined;
    for (const user of users) {
      if (this.people.get(user.id)?.name === user.name) continue;
      grown ??= new Map(this.people);
      grown.set(user.id, user);
    }
    if (grown) this.people = grown;
  }

  typed(user: User): void {
    this.#typists.heard(user);
  }

  get #shown(): RoomLog {
    return this.#excerpt ?? this.#log;
  }

  /** Where the excerpt has come to reach the newest run, they are one. */
  #joinExcerpt(): void {
    const excerpt = this.#excerpt;
    if (excerpt && excerpt.last >= this.#log.first - 1) {
      this.#log.prepend(excerpt.messages);
      this.#excerpt = undefined;
      this.isExcerpt = false;
    }
    this.#update();
  }

  #leaveExcerpt(): void {
    this.#excerpt = undefined;
    this.isExcerpt = false;
    this.epoch++;
  }

  #grow(joined: readonly Message[]): readonly Message[] {
    for (const entry of joined) this.#excerpt?.apply(entry);
    this.#update();
    return joined;
  }

  #update(): void {
    const { messages } = this.#shown;
    const isGrown = messages.at(-1) !== this.messages.at(-1) || messages[0] !== this.messages[0];
    if (isGrown) this.meet(messages.map(({ from }) => from));
    this.messages = messages;
  }
}

import type { Address } from '../lib/address';
import { Client, type ConnectionState, type Credentials } from '../lib/client';
import type { Clock } from '../lib/clock';
import { Names } from '../lib/mentions';
import type { OutboxStore } from '../lib/outbox-store';
import {
  CLOSE_EXPIRED,
  isSignedOut,
  isSpoken,
  LOBBY,
  textOf,
  toRoomId,
  type HelloAck,
  type Message,
  type RoomSummary,
  type ServerEvent,
  type User,
} from '../lib/protocol';
import type { Memory, Session } from '../lib/session';
import type { Connect } from '../lib/transport';
import { TypingThrottle } from '../lib/typing';
import type { Directory } from './directory.svelte';
import { RoomSync } from './room-sync';
import { Room } from './room.svelte';
import { Sending } from './sending.svelte';

/** News of rooms that are not open come in bursts; their counts are asked for once for all of them, in ms. */
const RECOUNT_AFTER = 500;
/** Reading is told once for a burst of messages, in ms. */
const READ_AFTER = 300;

export interface ChatOptions {
  connect: Connect;
  clock: Clock;
  random: () => number;
  store: OutboxStore;
  memory: Memory;
}

/** The whole conversation as the page shows it. Components read its fields and call its methods; it touches no DOM. */
export class Chat {
  /** Undefined: a name has to be picked. */
  me: User | undefined = $state.raw();
  connection: ConnectionState = $state.raw({ phase: 'idle' });
  /** Why a name has to be picked (again), or why the one picked is not accepted. */
  refusal: string = $state('');
  rooms: readonly Room[] = $state.raw([]);
  current: Room | undefined = $state.raw();
  /** Bytes that a message's encoded body may have. */
  bodyLimit: number = $state(65_536);
  /** The latest message of somebody else, for those who listen to the page. */
  announced: Message | undefined = $state.raw();
  /** People and rooms beyond the ones known here, where the server has an API for them. */
  directory: Directory | undefined = $state.raw();
  /** One may also do what only admins of the installation may. */
  isAdmin: boolean = $state(false);
  /** A token has expired that said who one is: the page asks whether there is a fresh one. Grows. */
  expiries: number = $state(0);
  /** The person has the end of the current room before their eyes. The page says so. */
  isWatching: boolean = $state(false);

  readonly unread: number = $derived(this.rooms.reduce((sum, room) => sum + room.unread, 0));

  readonly sending: Sending;
  readonly #clock: Clock;
  readonly #memory: Memory;
  readonly #client: Client;
  readonly #sync: RoomSync;
  readonly #throttle: TypingThrottle;
  #session: Session | undefined;
  /** Who one is stands in a cookie, which scripts cannot read. */
  #hasCookie = false;
  #name = '';
  #wanted: Pick<Address, 'room' | 'seq'> = {};
  #recounting = false;

  constructor(options: ChatOptions) {
    const { clock, random, store } = options;
    this.#clock = clock;
    this.#memory = options.memory;
    this.#client = new Client({
      connect: options.connect,
      clock,
      random,
      credentials: () => this.#credentials(),
      onState: (state) => this.#connectionBecame(state),
      onWelcome: (ack) => void this.#welcomed(ack),
      onEvent: (event) => this.#happened(event),
    });
    this.#sync = new RoomSync(this.#client, clock, (room, joined) => this.#grown(room, joined));
    this.#throttle = new TypingThrottle(clock);
    const conversation = {
      me: () => this.me,
      find: (id: string) => this.#find(id),
      room: (id: string) => this.#room(id),
      join: (room: Room) => this.#sync.join([room]),
      add: (room: Room, message: Message) => this.#add(room, message),
    };
    this.sending = new Sending(this.#client, conversation, { store, clock, random });
  }

  /** The name to offer: the one asked for last. */
  get offeredName(): string {
    return this.#memory.name;
  }

  /** Takes up the session of an earlier page or another tab, if there is one. `wanted` is what to open first, if anything. */
  start(wanted: Pick<Address, 'room' | 'seq'>): void {
    this.#wanted = wanted;
    this.#session = this.#memory.session;
    if (!this.#session) return;
    this.me = this.#session.user;
    this.#showFirst();
    void this.sending.outbox.restore(this.me.id);
    this.#client.connect();
  }

  /** Goes on as who is signed in by cookie. */
  startAs(user: User, isAdmin: boolean): void {
    this.#forgetMe('');
    this.#memory.session = undefined;
    this.#hasCookie = true;
    this.isAdmin = isAdmin;
    this.me = user;
    this.#showFirst();
    void this.sending.outbox.restore(user.id);
    this.#client.connect();
  }

  /** Nobody is signed in any more. */
  end(reason: string): void {
    this.#forgetMe(reason);
  }

  /** What proves to the HTTP API who one is; undefined where a cookie does. */
  get bearer(): string | undefined {
    return this.#hasCookie ? undefined : this.#session?.secret;
  }

  /** Comes in as a guest. */
  enter(name: string): void {
    this.refusal = '';
    this.#name = name.trim();
    this.#memory.name = this.#name;
    this.#client.connect();
  }

  /** Forgets who one is, in this browser, and what was not sent. */
  async signOut(): Promise<void> {
    this.#memory.session = undefined;
    this.#memory.drafts = {};
    this.#forgetMe('');
    await this.sending.outbox.clear();
  }

  /** Another tab has signed in or out. */
  followSession(session: Session | undefined): void {
    if (this.#hasCookie || session?.secret === this.#session?.secret) return;
    this.#forgetMe('');
    this.start(this.#wanted);
  }

  /** The network or the page came back. */
  nudge(): void {
    this.#client.nudge();
  }

  /** The person asks to connect now, also where the page would not by itself. */
  reconnect(): void {
    this.#client.connect();
  }

  /** Shows a room, joining it where that has not been done. Returns false where the id can be no room's. */
  open(typed: string): boolean {
    const id = toRoomId(typed);
    if (id === '') return false;
    const room = this.#room(id);
    this.#show(room);
    if (!room.isLoaded) void this.#join(room);
    return true;
  }

  /** Becomes a member again of the room that is shown. */
  async rejoin(room: Room): Promise<void> {
    room.problem = '';
    await this.#join(room);
  }

  /** Whether one may do what the admins of a room may: change it and its members, and delete what others say. */
  manages(room: Room): boolean {
    return this.isAdmin || room.role === 'admin';
  }

  /** Stops being a member of a room. */
  async leave(room: Room): Promise<void> {
    try {
      await this.#client.request('leave', { room: room.id });
    } catch {
      return;
    }
    this.rooms = this.rooms.filter((other) => other !== room);
    if (this.current === room) this.open(LOBBY);
  }

  /** Says a line in the current room, now or when there is a connection. */
  async say(text: string): Promise<void> {
    const room = this.current;
    if (!room) return;
    room.newAfter = undefined;
    room.showLatest();
    this.#throttle.sent(room.id);
    await this.sending.say(room, text);
  }

  /** Shows a message, wherever in its room it is. */
  async openMessage(id: string, seq: number): Promise<void> {
    if (!this.open(id)) return;
    const room = this.#room(id);
    room.target = seq;
    await this.#sync.reach(room);
  }

  /** Shows the direct room with another person. */
  async openDirect(user: string): Promise<void> {
    const { room } = await this.#client.request('direct', { user });
    this.open(room);
    await this.#recount();
  }

  /** Shows the newest messages of a room again. */
  showLatest(room: Room): void {
    room.target = undefined;
    room.highlighted = undefined;
    room.showLatest();
  }

  loadNewer(room: Room): Promise<void> {
    return this.#sync.loadNewer(room);
  }

  /** A message that another one quotes is to be seen. */
  loadQuote(room: Room, seq: number): void {
    void this.#sync.loadQuote(room, seq).catch(() => undefined);
  }

  /** Remembers what is written in a room, beyond this page. */
  keepDraft({ id, draft }: Room): void {
    const { [id]: _, ...others } = this.#memory.drafts;
    this.#memory.drafts = draft === '' ? others : { ...others, [id]: draft };
  }

  /** The person is typing in the current room. */
  typing(): void {
    const room = this.current;
    if (room && this.#throttle.keystroke(room.id)) {
      this.#client.notify('signal', { room: room.id, kind: 'typing', body: {} });
    }
  }

  loadOlder(room: Room): Promise<void> {
    return this.#sync.loadOlder(room);
  }

  /** The person has the end of the room before their eyes. */
  markRead(room: Room): void {
    if (room.shownThrough <= room.read) return;
    room.readThrough(room.shownThrough);
    if (room.isReadDue) return;
    room.isReadDue = true;
    this.#clock.after(READ_AFTER, () => {
      room.isReadDue = false;
      this.#client.notify('read', { room: room.id, seq: room.read });
    });
  }

  #credentials(): Credentials {
    if (this.#hasCookie) return {};
    const session = this.#memory.session;
    return session ? { session: session.secret } : { name: this.#name };
  }

  #connectionBecame(state: ConnectionState): void {
    if (state.phase !== 'online') this.sending.outbox.suspend();
    if (state.phase === 'ended' && isSignedOut(state.code)) {
      const hadSession = this.#hasCookie || this.#memory.session !== undefined;
      this.#memory.session = undefined;
      this.#forgetMe(hadSession ? 'Your session has ended. Come in again.' : state.reason);
      if (state.code === CLOSE_EXPIRED) this.expiries++;
      return;
    }
    this.connection = state;
  }

  #forgetMe(refusal: string): void {
    this.me = undefined;
    this.isAdmin = false;
    this.#hasCookie = false;
    this.#session = undefined;
    this.directory?.stop();
    this.rooms = [];
    this.current = undefined;
    this.refusal = refusal;
    this.sending.outbox.leave();
    this.#client.stop();
  }

  async #welcomed(ack: HelloAck): Promise<void> {
    if (!this.#hasCookie) {
      this.#session = { secret: ack.session, user: ack.user };
      this.#memory.session = this.#session;
    }
    this.me = ack.user;
    this.bodyLimit = ack.limits.body;
    if (!this.current) this.#showFirst();
    try {
      const isBack = this.rooms.some((room) => room.isMember);
      const counted = Promise.all([this.#recount(), this.sending.outbox.restore(ack.user.id)]);
      // Who comes back may have been removed meanwhile, and must not join again by that. At first, both are asked at once.
      if (isBack) await counted;
      await Promise.all([counted, this.#sync.join(this.rooms.filter((room) => !room.isOut && (room.isLoaded || room === this.current)))]);
      if (this.#client.state.phase === 'online') this.sending.outbox.resume();
    } catch {
      // The connection is gone again. The next one does all of this anew.
    }
  }

  #happened(event: ServerEvent): void {
    switch (event.type) {
      case 'message':
        this.#received(event);
        break;
      case 'signal':
        if (event.kind === 'typing' && event.from.id !== this.me?.id) this.#find(event.room)?.typed(event.from);
        break;
      case 'presence':
        this.#find(event.room)?.present(event.user, event.online);
        break;
      case 'read':
        this.#find(event.room)?.readThrough(event.seq);
        break;
      case 'room': {
        if (event.left) {
          this.#left(event.id);
          break;
        }
        const room = this.#room(event.id);
        const isNews = event.last > room.last;
        room.describe(event);
        room.revision++;
        if (room.isLoaded) this.#sync.checkForGap(room);
        else if (isNews) this.#recountSoon();
        break;
      }
    }
  }

  #received(message: Message): void {
    const room = this.#find(message.room);
    if (!room) return;
    const isNews = message.seq > room.last;
    this.#add(room, message);
    if (room !== this.current || this.isWatching) room.tidy();
    if (!isNews || message.from.id === this.me?.id || !isSpoken(message)) return;
    if (room === this.current) this.announced = message;
    if (room === this.current && this.isWatching) {
      this.markRead(room);
    } else {
      if (room.unread === 0) room.newAfter = room.read;
      room.unread++;
      if (this.me && new Names([this.me, ...room.people.values()]).mentions(textOf(message), this.me.id)) room.mentions++;
    }
  }

  /** The server counts: only it knows what is unread in rooms that are not open. */
  async #recount(): Promise<void> {
    const { rooms } = await this.#client.request('rooms', {});
    for (const summary of rooms) this.#account(this.#room(summary.id), summary);
    const own = new Set(rooms.map(({ id }) => id));
    for (const room of this.rooms) {
      if (room.isMember && !own.has(room.id)) this.#left(room.id);
    }
  }

  /** One is no member any more. What one looks at stays until one looks elsewhere, to say so. */
  #left(id: string): void {
    const room = this.#find(id);
    if (!room) return;
    room.leave();
    if (room !== this.current) this.rooms = this.rooms.filter((other) => other !== room);
  }

  #recountSoon(): void {
    if (this.#recounting) return;
    this.#recounting = true;
    this.#clock.after(RECOUNT_AFTER, () => {
      this.#recounting = false;
      void this.#recount().catch(() => undefined);
    });
  }

  #account(room: Room, summary: RoomSummary): void {
    room.describe(summary);
    const knowsBetter = room.account(summary);
    if (knowsBetter) this.#client.notify('read', { room: room.id, seq: room.read });
    else if (room.unread > 0) room.newAfter = room.read;
  }

  #add(room: Room, message: Message): void {
    this.#grown(room, room.add([message]));
    this.#sync.checkForGap(room);
  }

  #grown(room: Room, joined: readonly Message[]): void {
    this.sending.shown(room, joined);
    void this.#sync.reach(room);
  }

  /** The room that the address names, or the one looked at last. */
  #showFirst(): void {
    const wanted = toRoomId(this.#wanted.room ?? '');
    const room = this.#room(wanted || toRoomId(this.#memory.room) || LOBBY);
    if (room.id === wanted) room.target = this.#wanted.seq;
    this.#wanted = {};
    this.#show(room);
  }

  #show(room: Room): void {
    const before = this.current;
    if (before === room) return;
    if (before) before.newAfter = undefined;
    if (before?.isOut) this.rooms = this.rooms.filter((other) => other !== before);
    this.current = room;
    this.isWatching = false;
    this.#memory.room = room.id;
  }

  async #join(room: Room): Promise<void> {
    try {
      await this.#sync.join([room]);
      // What it is called is told to its members.
      if (room.isLoaded && !room.isMember) await this.#recount();
    } catch {
      // The next connection joins what is shown.
    }
  }

  #find(id: string): Room | undefined {
    return this.rooms.find((room) => room.id === id);
  }

  /** The room of this id, listed from now on. */
  #room(id: string): Room {
    const known = this.#find(id);
    if (known) return known;
    const room = new Room(id, this.#clock, () => this.me?.id ?? '');
    room.draft = this.#memory.drafts[id] ?? '';
    this.rooms = [...this.rooms, room].sort(byLobbyThenId);
    return room;
  }
}

function byLobbyThenId(a: Room, b: Room): number {
  if (a.id === LOBBY || b.id === LOBBY) return a.id === LOBBY ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

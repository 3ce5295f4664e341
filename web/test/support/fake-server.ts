import type { Message, User } from '../../src/lib/protocol';
import type { Connect, Incoming, Outgoing, Transport, TransportEvents } from '../../src/lib/transport';

interface Room {
  log: Message[];
  members: Set<string>;
}

/**
 * A server that keeps the promises of docs/protocol.md as far as the page relies on them, over a network that takes its
 * time and can be cut. What it has in its logs is the truth that a page is held against.
 */
export class FakeServer {
  readonly rooms = new Map<string, Room>();
  /** No connection can be made. */
  isDown = false;
  /** Milliseconds that each message takes, in each direction. */
  latency = () => 1;
  /** Lets a test lose an event on its way to everybody, as between the nodes of a cluster. */
  losesEvent: () => boolean = () => false;
  /** Lets a test refuse a publish: what it returns is the error. */
  refusePublish: (request: Outgoing) => { code: string; message: string } | undefined = () => undefined;
  /** Lets a test have a message stored and its sender told that the outcome is unknown. */
  isAckLost: () => boolean = () => false;
  /** Who is signed in by cookie: says hello with nothing. */
  cookie: User | undefined;
  readonly #sessions = new Map<string, User>();
  readonly #connections = new Set<Connection>();
  #people = 0;

  readonly connect: Connect = (events) => {
    const connection = new Connection(this, events);
    if (this.isDown) setTimeout(() => connection.cut(), this.latency());
    else {
      this.#connections.add(connection);
      setTimeout(() => connection.open(), this.latency());
    }
    return connection;
  };

  /** Cuts every connection: what is under way in either direction is lost. */
  cut(): void {
    for (const connection of this.#connections) connection.cut();
  }

  forget(connection: Connection): void {
    this.#connections.delete(connection);
  }

  forgetSessions(): void {
    this.#sessions.clear();
  }

  get connected(): number {
    return this.#connections.size;
  }

  room(id: string): Room {
    const room = this.rooms.get(id) ?? { log: [], members: new Set() };
    this.rooms.set(id, room);
    return room;
  }

  /** Somebody else says something. */
  say(room: string, text: string, more: Partial<Message> = {}): void {
    this.#append(room, { id: 'bob', name: 'bob' }, `b${this.room(room).log.length}`, { text }, more);
  }

  /** An admin removes everybody from a room. */
  remove(id: string): void {
    const { members } = this.room(id);
    for (const connection of this.#connections) {
      if (!connection.user || !members.has(connection.user.id)) continue;
      connection.rooms.delete(id);
      connection.tell({ type: 'room', id, left: true });
    }
    members.clear();
  }

  broadcast(room: string, event: Incoming): void {
    if (this.losesEvent()) return;
    for (const connection of this.#connections) if (connection.rooms.has(room)) connection.tell(event);
  }

  handle(connection: Connection, request: Outgoing): void {
    const user = connection.user;
    if (request.type === 'hello') this.#hello(connection, request);
    else if (!user) connection.refuse(request, { code: 'unauthorized', message: 'Say hello first.' });
    else this.#handle(connection, user, request);
  }

  #hello(connection: Connection, request: Outgoing): void {
    let session = request['session'] as string | undefined;
    if (session === undefined && request['name'] === undefined) {
      if (!this.cookie) {
        connection.refuse(request, { code: 'unauthorized', message: 'Sign in first.' });
        return;
      }
      session = 'cookie';
      this.#sessions.set(session, this.cookie);
    }
    if (session !== undefined && !this.#sessions.has(session)) {
      connection.refuse(request, { code: 'unauthorized', message: 'This session is not known.' });
      return;
    }
    if (session === undefined) {
      this.#people++;
      session = `session ${this.#people}`;
      this.#sessions.set(session, { id: `u${this.#people}`, name: request['name'] as string });
    }
    connection.user = this.#sessions.get(session);
    connection.ack(request, {
      user: connection.user,
      session,
      heartbeat: { interval: 25_000, timeout: 10_000 },
      limits: { body: 65_536, rate: 20, burst: 60 },
    });
  }

  #handle(connection: Connection, user: User, request: Outgoing): void {
    const id = request['room'] as string;
    switch (request.type) {
      case 'rooms':
        connection.ack(request, {
          rooms: [...this.rooms]
            .filter(([, room]) => room.members.has(user.id))
            .map(([key, { log }]) => ({
              id: key,
              name: key,
              kind: 'public',
              last: log.length,
              read: 0,
              unread: log.filter((message) => message.from.id !== user.id).length,
              mentions: 0,
            })),
        });
        break;
      case 'join': {
        const wanted = Object.entries(request['rooms'] as Record<string, number | null>);
        connection.ack(request, { rooms: wanted.map(([key, since]) => this.#join(connection, user, key, since)) });
        break;
      }
      case 'leave':
        this.room(id).members.delete(user.id);
        connection.rooms.delete(id);
        connection.ack(request, {});
        break;
      case 'publish': {
        const refusal = this.refusePublish(request);
        if (refusal) connection.refuse(request, refusal);
        else if (!this.room(id).members.has(user.id)) {
          connection.refuse(request, { code: 'not_joined', message: 'Join the room first.' });
        } else {
          const more: Partial<Message> = {};
          if (typeof request['kind'] === 'string') more.kind = request['kind'];
          if (typeof request['target'] === 'number') more.target = request['target'];
          const { seq, time } = this.#append(id, user, request['id'] as string, request['body'], more);
          if (this.isAckLost()) connection.refuse(request, { code: 'unavailable', message: 'It is not known.' });
          else connection.ack(request, { seq, time });
        }
        break;
      }
      case 'history': {
        const { log } = this.room(id);
        const limit = (request['limit'] as number | undefined) ?? 50;
        const before = request['before'] as number | undefined;
        const after = request['after'] as number | undefined;
        const found = log.filter((message) => message.seq > (after ?? 0) && message.seq < (before ?? Infinity));
        const page = after === undefined ? found.slice(-limit) : found.slice(0, limit);
        connection.ack(request, { messages: page, more: page.length < found.length });
        break;
      }
      case 'direct':
        this.room('direct-room').members.add(user.id);
        connection.ack(request, { room: 'direct-room' });
        break;
      default:
        connection.ack(request, {});
    }
  }

  /** The server ends every connection, and says why. */
  end(code: number, reason: string): void {
    for (const connection of [...this.#connections]) connection.cut(code, reason);
  }

  #join(connection: Connection, user: User, id: string, since: number | null): object {
    const { log, members } = this.room(id);
    members.add(user.id);
    connection.rooms.add(id);
    const rest = { room: id, first: 1, last: log.length, users: [user], count: 1 };
    if (since === null) return { ...rest, messages: log.slice(-50), more: log.length > 50 };
    if (since > log.length) return { ...rest, messages: log.slice(-50), more: log.length > 50, recovered: false };
    const missed = log.slice(since, since + 200);
    return { ...rest, messages: missed, more: since + 200 < log.length, recovered: true };
  }

  #append(roomId: string, from: User, id: string, body: unknown, more: Partial<Message> = {}): Message {
    const { log } = this.room(roomId);
    const known = log.find((message) => message.id === id && message.from.id === from.id);
    if (known) return known;
    const seq = log.length + 1;
    const time = new Date().toISOString();
    const message: Message = { room: roomId, seq, id, from, time, kind: 'text', body, ...more };
    log.push(message);
    this.broadcast(roomId, { type: 'message', ...message });
    for (const connection of this.#connections) {
      const isMember = connection.user && this.room(roomId).members.has(connection.user.id);
      if (isMember && !connection.rooms.has(roomId)) {
        connection.tell({ type: 'room', id: roomId, name: roomId, kind: 'public', last: seq });
      }
    }
    return message;
  }
}

class Connection implements Transport {
  readonly rooms = new Set<string>();
  user: User | undefined;
  #isOpen = true;
  #arrivesAt = 0;

  constructor(
    private readonly server: FakeServer,
    private readonly events: TransportEvents,
  ) {}

  open(): void {
    if (this.#isOpen) this.events.opened();
  }

  send(request: Outgoing): void {
    this.#carry(() => this.server.handle(this, request));
  }

  close(): void {
    this.#isOpen = false;
    this.server.forget(this);
  }

  cut(code = 1006, reason = ''): void {
    if (!this.#isOpen) return;
    this.close();
    this.events.closed(code, reason);
  }

  ack(request: Outgoing, fields: object): void {
    if (request.ref !== undefined) this.tell({ type: 'ack', ref: request.ref, ...fields });
  }

  refuse(request: Outgoing, error: object): void {
    this.tell({ type: 'error', ref: request.ref, ...error });
  }

  tell(incoming: Incoming): void {
    this.#carry(() => this.events.received(incoming));
  }

  /** In order, as on a real connection, however long each takes. */
  #carry(deliver: () => void): void {
    this.#arrivesAt = Math.max(this.#arrivesAt, Date.now() + this.server.latency());
    setTimeout(() => {
      if (this.#isOpen) deliver();
    }, this.#arrivesAt - Date.now());
  }
}

import { Manager, type Socket } from 'socket.io-client';
import type { Connect, Incoming, Outgoing, Transport, TransportEvents } from './transport';

/**
 * The Socket.IO framing, over HTTP long-polling alone: events carry words, acks answer them, and hello's fields go with
 * CONNECT. It does not come back by itself: the client does, which knows what `bye` asked for.
 */
export class SocketIOTransport implements Transport {
  readonly #socket: Socket;
  readonly #events: TransportEvents;
  #helloRef: number | undefined;
  #done = false;

  constructor(origin: string, events: TransportEvents) {
    this.#events = events;
    const manager = new Manager(origin, {
      path: '/socket.io/',
      transports: ['polling'],
      upgrade: false,
      reconnection: false,
      autoConnect: false,
    });
    this.#socket = manager.socket('/');
    this.#socket.onAny((name: string, word: unknown) => this.#received(name, word));
    this.#socket.on('connect_error', (error: Error & { data?: unknown }) => this.#refused(error));
    // A refusal is told right after the manager has closed because of it.
    manager.on('close', () => queueMicrotask(() => this.#closed()));
    manager.open((error) => {
      if (error) this.#closed();
      else if (!this.#done) events.opened();
    });
  }

  send({ type, ref, ...fields }: Outgoing): void {
    if (type === 'hello') this.#hello(ref, fields);
    else this.#emit(type, ref, fields);
  }

  close(): void {
    this.#done = true;
    this.#socket.disconnect();
  }

  /** Hello is CONNECT's `auth`; the `hello` behind it asks for what its ack says. */
  #hello(ref: number | undefined, fields: object): void {
    this.#helloRef = ref;
    this.#socket.auth = fields;
    this.#socket.connect();
    this.#emit('hello', ref, {});
  }

  #refused({ data, message }: Error & { data?: unknown }): void {
    // Without data it is no answer of Parley's but a connection that failed, which its closing tells.
    if (isObject(data)) this.#tell({ message, ...data, type: 'error', ref: this.#helloRef });
  }

  #emit(type: string, ref: number | undefined, fields: object): void {
    if (ref === undefined) this.#socket.emit(type, fields);
    else {
      this.#socket.emit(type, fields, (answer: unknown) => {
        if (isObject(answer) && typeof answer['type'] === 'string') this.#tell({ ...answer, type: answer['type'], ref });
      });
    }
  }

  #received(name: string, word: unknown): void {
    // A newer server may say things this page does not know.
    if (isObject(word)) this.#tell({ type: name, ...word });
  }

  #tell(incoming: Incoming): void {
    if (!this.#done) this.#events.received(incoming);
  }

  #closed(): void {
    if (this.#done) return;
    this.#done = true;
    // No close code comes this way: `bye` has said it before.
    this.#events.closed(1006, '');
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Connects to `/socket.io/` of the server this page came from. */
export const connectSocketIO: Connect = (events) => new SocketIOTransport(location.origin, events);

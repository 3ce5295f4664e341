import { backoff } from './backoff';
import type { Clock, Timer } from './clock';
import { sentence } from './format';
import { Heartbeat } from './heartbeat';
import { CLOSE_BAD_CREDENTIALS, isFinal, type HelloAck, type Requests, type ServerEvent } from './protocol';
import type { Connect, Incoming, Transport } from './transport';

/** How long a connection may take from the first packet to hello's ack, in ms. What falls back tries twice in this time. */
const HELLO_WITHIN = 20_000;
/** A connection that stood this long, in ms, was a good one: the next wait starts small again. */
const SETTLED_AFTER = 10_000;
const HEARTBEAT_LOST = 4001;

/** Nothing where a cookie says who one is. */
export type Credentials = { session: string } | { name: string } | Record<string, never>;

export type ConnectionState =
  | { phase: 'idle' }
  | { phase: 'connecting' }
  | { phase: 'online' }
  /** Tries again at `until` (ms, the clock's). */
  | { phase: 'waiting'; until: number; reason: string }
  /** Does not try again by itself. `code` is the close code, or 4500 where the credentials were refused. */
  | { phase: 'ended'; code: number; reason: string };

/** The server's answer was no. */
export class RequestError extends Error {
  override readonly name = 'RequestError';

  constructor(
    /** For machines: one of the codes in docs/protocol.md. */
    readonly code: string,
    /** For people: what to do. */
    message: string,
    /** Milliseconds to wait before asking again. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

/** The connection went before the answer came: whether the server did it is unknown. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';

  constructor() {
    super('The connection was lost before the answer came.');
  }
}

export interface ClientOptions {
  connect: Connect;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  /** Who to say hello as: asked anew for every connection. */
  credentials: () => Credentials;
  onState: (state: ConnectionState) => void;
  /** Said hello; requests may be made. Called before `onState` tells of `online`. */
  onWelcome: (ack: HelloAck) => void;
  onEvent: (event: ServerEvent) => void;
}

interface Waiting {
  resolve: (ack: Incoming) => void;
  reject: (error: Error) => void;
}

interface Farewell {
  code: number;
  reason: string;
  retryAfter: number | undefined;
}

/**
 * Keeps one conversation with the server over as many connections as it takes: says hello, matches answers to
 * requests by `ref`, notices a dead peer, and comes back with growing, jittered waits until told to stop or refused for
 * good. It knows nothing of rooms.
 */
export class Client {
  readonly #options: ClientOptions;
  #state: ConnectionState = { phase: 'idle' };
  #transport: Transport | undefined;
  #heartbeat: Heartbeat | undefined;
  /** Hello's time limit, or the wait before the next attempt: never both. */
  #timer: Timer | undefined;
  #pending = new Map<number, Waiting>();
  #nextRef = 1;
  #failures = 0;
  #onlineSince = 0;
  #farewell: Farewell | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Connects at once, unless it is connected or about to be. Also the way on after `ended`. */
  connect(): void {
    if (this.#state.phase === 'connecting' || this.#state.phase === 'online') return;
    this.#timer?.cancel();
    this.#farewell = undefined;
    this.#become({ phase: 'connecting' });
    this.#timer = this.#options.clock.after(HELLO_WITHIN, () => this.#lost(0, 'The server did not answer.'));
    this.#transport = this.#options.connect({
      opened: () => this.#hello(),
      received: (incoming) => this.#received(incoming),
      closed: (code, reason) => this.#lost(code, reason),
    });
  }

  /** Leaves, and does not come back until `connect`. */
  stop(): void {
    this.#drop();
    this.#failures = 0;
    this.#become({ phase: 'idle' });
  }

  /** Something may have changed: try now what is waiting, and ask whether what is connected still is. */
  nudge(): void {
    if (this.#state.phase === 'waiting') this.connect();
    else this.#heartbeat?.probe();
  }

  /**
   * Asks and waits for the answer.
   *
   * @throws RequestError where the server refuses, ConnectionLost where no answer can come any more
   */
  request<W extends keyof Requests>(word: W, fields: Requests[W]['fields']): Promise<Requests[W]['ack']> {
    if (this.#state.phase !== 'online') return Promise.reject(new ConnectionLost());
    return this.#ask(word, fields);
  }

  /** Says something whose answer nobody waits for. Where there is no connection it is not said. */
  notify<W extends keyof Requests>(word: W, fields: Requests[W]['fields']): void {
    if (this.#state.phase === 'online') this.#transport?.send({ ...fields, type: word });
  }

  #ask<W extends keyof Requests>(word: W, fields: Requests[W]['fields']): Promise<Requests[W]['ack']> {
    const ref = this.#nextRef++;
    return new Promise((resolve, reject) => {
      this.#pending.set(ref, { resolve: (ack) => resolve(ack), reject });
      this.#transport?.send({ ...fields, type: word, ref });
    });
  }

  #hello(): void {
    this.#ask('hello', this.#options.credentials()).then(
      (ack) => this.#welcomed(ack),
      (error: unknown) => {
        if (error instanceof RequestError) this.#refused(error);
      },
    );
  }

  #welcomed(ack: HelloAck): void {
    this.#timer?.cancel();
    const { clock } = this.#options;
    this.#onlineSince = clock.now();
    this.#heartbeat = new Heartbeat(
      clock,
      ack.heartbeat,
      () => {
        // Any sign of life counts, so the answer itself is not waited for; a ref makes the server give one.
        this.#transport?.send({ type: 'ping', ref: this.#nextRef++ });
      },
      () => this.#lost(HEARTBEAT_LOST, 'The server fell silent.'),
    );
    this.#state = { phase: 'online' };
    this.#options.onWelcome(ack);
    this.#options.onState(this.#state);
  }

  #refused(error: RequestError): void {
    if (error.code === 'rate_limited' || error.code === 'unavailable' || error.code === 'internal') {
      this.#farewell = { code: 0, reason: error.message, retryAfter: error.retryAfter };
      this.#lost(0, error.message);
      return;
    }
    this.#drop();
    this.#become({ phase: 'ended', code: CLOSE_BAD_CREDENTIALS, reason: error.message });
  }

  #received(incoming: Incoming): void {
    this.#heartbeat?.heard();
    switch (incoming.type) {
      case 'ack':
        this.#settle(incoming.ref, (waiting) => waiting.resolve(incoming));
        break;
      case 'error':
        this.#settle(incoming.ref, (waiting) => waiting.reject(toError(incoming)));
        break;
      case 'bye':
        this.#farewell = {
          code: numberOf(incoming['code']) ?? 0,
          reason: textOf(incoming['reason']),
          retryAfter: numberOf(incoming['retry_after']),
        };
        break;
      default:
        if (this.#state.phase === 'online') this.#options.onEvent(incoming as unknown as ServerEvent);
    }
  }

  #settle(ref: unknown, with_: (waiting: Waiting) => void): void {
    if (typeof ref !== 'number') return;
    const waiting = this.#pending.get(ref);
    this.#pending.delete(ref);
    if (waiting) with_(waiting);
  }

  #lost(closeCode: number, closeReason: string): void {
    const { clock, random } = this.#options;
    const farewell = this.#farewell;
    // A close code that says why beats 1006, which only says that nothing was said.
    const code = isFinal(closeCode) ? closeCode : (farewell?.code ?? closeCode);
    const reason = farewell?.reason || closeReason || 'The connection was lost.';
    const settled = this.#state.phase === 'online' && clock.now() - this.#onlineSince >= SETTLED_AFTER;
    this.#drop();
    if (isFinal(code)) {
      this.#become({ phase: 'ended', code, reason });
      return;
    }
    if (settled) this.#failures = 0;
    const delay = Math.max(farewell?.retryAfter ?? 0, backoff(this.#failures++, random()));
    this.#timer = clock.after(delay, () => this.connect());
    this.#become({ phase: 'waiting', until: clock.now() + delay, reason });
  }

  /** Lets go of the connection and of everything that waits for it. */
  #drop(): void {
    this.#timer?.cancel();
    this.#heartbeat?.stop();
    this.#heartbeat = undefined;
    this.#transport?.close();
    this.#transport = undefined;
    const pending = this.#pending;
    this.#pending = new Map();
    // No longer online before those who asked hear of it, lest they ask again on a connection that is gone.
    this.#state = { phase: 'idle' };
    for (const waiting of pending.values()) waiting.reject(new ConnectionLost());
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    this.#options.onState(state);
  }
}

function toError(incoming: Incoming): RequestError {
  return new RequestError(
    textOf(incoming['code']) || 'internal',
    sentence(textOf(incoming['message'])) || 'The server refused without saying why.',
    numberOf(incoming['retry_after']),
  );
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

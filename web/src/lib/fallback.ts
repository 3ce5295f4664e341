import type { Clock, Timer } from './clock';
import { isFinal } from './protocol';
import type { Connect, Outgoing, Transport, TransportEvents } from './transport';

/** How long a WebSocket may take to open, in ms: some proxies neither let one through nor refuse it. */
const OPENS_WITHIN = 4_000;
/** How long the first answer may take once it is open, in ms: others let it open, and swallow what it carries. */
const ANSWERS_WITHIN = 6_000;
/** So many WebSockets in a row that brought no answer mean that the network blocks them. */
const BLOCKED_AFTER = 2;

export interface FallbackOptions {
  clock: Clock;
  webSocket: Connect;
  /** Loads the way around. */
  polling: () => Promise<Connect>;
  /** Whether the server answers HTTP. Where it does not, a WebSocket that fails says nothing of the network. Never rejects. */
  isReachable: () => Promise<boolean>;
}

/**
 * Chooses the transport of each connection: a WebSocket first, since the network may be another one by now, and polling
 * where two in a row have failed though the server is there.
 */
export function withFallback(options: FallbackOptions): Connect {
  const record = { failures: 0 };
  return (events) => new Attempt(options, record, events);
}

/** One connection: a WebSocket, or what takes its place. */
class Attempt implements Transport {
  readonly #options: FallbackOptions;
  /** Of all attempts: WebSockets in a row that brought no answer. */
  readonly #record: { failures: number };
  readonly #events: TransportEvents;
  #transport: Transport;
  #timer: Timer | undefined;
  #isProven = false;
  #done = false;

  constructor(options: FallbackOptions, record: { failures: number }, events: TransportEvents) {
    this.#options = options;
    this.#record = record;
    this.#events = events;
    this.#giveUpAfter(OPENS_WITHIN);
    this.#transport = options.webSocket({
      opened: () => {
        this.#giveUpAfter(ANSWERS_WITHIN);
        events.opened();
      },
      received: (incoming) => {
        this.#proven();
        events.received(incoming);
      },
      closed: (code, reason) => {
        // Nobody between here and the server closes with a code of Parley's.
        if (isFinal(code)) this.#proven();
        if (this.#isProven) events.closed(code, reason);
        else void this.#failed(reason);
      },
    });
  }

  send(request: Outgoing): void {
    this.#transport.send(request);
  }

  close(): void {
    this.#done = true;
    this.#timer?.cancel();
    this.#transport.close();
  }

  #giveUpAfter(delay: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delay, () => {
      this.#transport.close();
      void this.#failed('The server did not answer.');
    });
  }

  #proven(): void {
    this.#isProven = true;
    this.#timer?.cancel();
    this.#record.failures = 0;
  }

  async #failed(reason: string): Promise<void> {
    this.#timer?.cancel();
    const isThere = await this.#options.isReachable();
    if (this.#done) return;
    if (isThere) this.#record.failures++;
    if (isThere && this.#record.failures >= BLOCKED_AFTER) await this.#goAround();
    else this.#events.closed(1006, reason);
  }

  async #goAround(): Promise<void> {
    let connect: Connect;
    try {
      connect = await this.#options.polling();
    } catch {
      // A browser may remember that it could not load a part of a page, and not ask again.
      if (!this.#done) this.#events.closed(1006, 'A part of the page could not be loaded. Reload the page.');
      return;
    }
    if (!this.#done) this.#transport = connect(this.#events);
  }
}

import type { Clock, Timer } from './clock';

/** A timer this much behind was held up by the browser, and what arrived meanwhile may still be waiting behind it. */
const LATE = 2_000;

/**
 * Finds out that the other side is gone. A page cannot see WebSocket pings, so after `interval` of silence it asks, and
 * gives up when nothing at all comes within `timeout`.
 */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #interval: number;
  readonly #timeout: number;
  readonly #ping: () => void;
  readonly #dead: () => void;
  #heardAt: number;
  /** Asked, and nothing has come since. */
  #asked = false;
  #timer: Timer | undefined;

  constructor(clock: Clock, times: { interval: number; timeout: number }, ping: () => void, dead: () => void) {
    this.#clock = clock;
    this.#interval = times.interval;
    this.#timeout = times.timeout;
    this.#ping = ping;
    this.#dead = dead;
    this.#heardAt = clock.now();
    this.#watch();
  }

  /** Something arrived. */
  heard(): void {
    this.#heardAt = this.#clock.now();
    this.#asked = false;
  }

  /** Asks now rather than after the silence: the page has become visible, or the network has changed. */
  probe(): void {
    if (!this.#asked) this.#ask();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #watch(): void {
    const silence = this.#clock.now() - this.#heardAt;
    this.#wait(this.#interval - silence, () => {
      if (this.#clock.now() - this.#heardAt >= this.#interval) this.#ask();
      else this.#watch();
    });
  }

  #ask(): void {
    this.#asked = true;
    this.#ping();
    this.#judge();
  }

  #judge(): void {
    const due = this.#clock.now() + this.#timeout;
    this.#wait(this.#timeout, () => {
      if (!this.#asked) this.#watch();
      else if (this.#clock.now() - due > LATE) this.#judge();
      else this.#dead();
    });
  }

  #wait(delay: number, then: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(Math.max(0, delay), then);
  }
}

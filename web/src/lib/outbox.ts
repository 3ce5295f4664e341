import { backoff } from './backoff';
import { ConnectionLost, RequestError } from './client';
import type { Clock, Timer } from './clock';
import type { OutboxStore, StoredLine } from './outbox-store';
import type { PublishAck } from './protocol';

/** A server that fails at the same line this often fails at this line. */
const INTERNAL_ERRORS_LIMIT = 5;

export interface Line extends StoredLine {
  /** `sent`: acked, and kept until the room's log shows it. */
  state: 'sending' | 'failed' | 'sent';
  /** Once sent: its number in its room. */
  seq?: number;
}

export interface OutboxOptions {
  store: OutboxStore;
  clock: Clock;
  random: () => number;
  /** Says the line to the server. Rejects as Client.request does. */
  publish: (line: StoredLine) => Promise<PublishAck>;
  onChange: () => void;
  /** Acked. The line stays in `lines` until `confirm`. */
  onSent: (line: StoredLine, ack: PublishAck) => void;
}

/**
 * What has been written and is not yet on the server. Each line is stored before it is sent and leaves when it is acked
 * or refused for good. A room's lines are sent one after the other, so that whatever happens to one, the order in which
 * they were written is the order in which they are said. The id makes sending twice harmless: also from two tabs.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  #user = '';
  #lines: Line[] = [];
  #open = false;
  #inFlight = new Set<string>();
  /** Attempts at the first line of each room that the server could not carry out. */
  #attempts = new Map<string, number>();
  #pausedUntil = 0;
  #timer: Timer | undefined;
  #lastAt = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** In the order written. */
  get lines(): readonly Line[] {
    return this.#lines;
  }

  /**
   * Takes up the lines that earlier pages left behind, as `user`. What was written under another identity is shown as
   * unsent, for the person to send or discard.
   */
  async restore(user: string): Promise<void> {
    if (this.#user === user) return;
    this.#user = user;
    const stored = await this.#options.store.load().catch(() => []);
    const known = new Set(this.#lines.map((line) => line.id));
    for (const line of stored) if (!known.has(line.id)) this.#lines.push({ ...line, state: 'sending' });
    for (const line of this.#lines) {
      if (line.user !== user) line.failure = 'Written under an earlier sign-in, and not sent.';
      if (line.failure !== undefined) line.state = 'failed';
    }
    this.#lines.sort((a, b) => a.at - b.at);
    this.#lastAt = this.#lines.at(-1)?.at ?? 0;
    this.#changed();
  }

  /** Writes a line down and sends it as soon as it is its turn. */
  async add(room: string, text: string, more: Pick<StoredLine, 'body' | 'kind' | 'target'> = {}): Promise<void> {
    this.#lastAt = Math.max(this.#options.clock.now(), this.#lastAt + 1);
    const line: Line = { ...more, id: newId(), user: this.#user, room, text, at: this.#lastAt, state: 'sending' };
    this.#lines.push(line);
    this.#options.onChange();
    await this.#store(line);
    this.#pump();
  }

  /** Sends a failed line once more, with the same id. It keeps its place. */
  async retry(id: string): Promise<void> {
    const line = this.#find(id);
    if (line?.state !== 'failed') return;
    line.state = 'sending';
    line.user = this.#user;
    delete line.failure;
    this.#options.onChange();
    await this.#store(line);
    this.#pump();
  }

  /** Forgets a failed line, and gives its text back. */
  discard(id: string): string {
    const line = this.#find(id);
    if (line?.state !== 'failed') return '';
    this.#remove(line);
    return line.text;
  }

  /** The connection stands: begin, or go on. */
  resume(): void {
    this.#open = true;
    this.#pausedUntil = 0;
    this.#pump();
  }

  /** The connection is gone. Lines wait. */
  suspend(): void {
    this.#open = false;
    this.#timer?.cancel();
  }

  /** The line is to be seen as a message in its room. (Its ack may yet come, or be lost.) */
  confirm(id: string): void {
    const line = this.#find(id);
    if (line) this.#remove(line);
  }

  /** Nobody is signed in here any more. What is unsent waits in the store for the next to `restore`. */
  leave(): void {
    this.suspend();
    this.#user = '';
    this.#lines = [];
    this.#options.onChange();
  }

  /** Signing out: nothing unsent stays behind in this browser. */
  async clear(): Promise<void> {
    this.leave();
    await this.#options.store.clear().catch(() => undefined);
  }

  #pump(): void {
    if (!this.#open) return;
    const wait = this.#pausedUntil - this.#options.clock.now();
    this.#timer?.cancel();
    if (wait > 0) {
      this.#timer = this.#options.clock.after(wait, () => this.#pump());
      return;
    }
    for (const line of this.#lines) {
      if (line.state === 'sending' && !this.#inFlight.has(line.room)) void this.#send(line);
    }
  }

  async #send(line: Line): Promise<void> {
    const { room } = line;
    this.#inFlight.add(room);
    try {
      const ack = await this.#options.publish(line);
      this.#attempts.delete(room);
      line.state = 'sent';
      line.seq = ack.seq;
      this.#forget(line);
      this.#options.onChange();
      this.#options.onSent(line, ack);
    } catch (error) {
      this.#refused(line, error);
    } finally {
      this.#inFlight.delete(room);
      this.#pump();
    }
  }

  #refused(line: Line, error: unknown): void {
    if (error instanceof ConnectionLost) {
      this.suspend();
      return;
    }
    if (error instanceof RequestError && this.#isPassing(line.room, error)) {
      const attempts = this.#attempts.get(line.room) ?? 0;
      this.#attempts.set(line.room, attempts + 1);
      const delay = error.retryAfter ?? 500 + backoff(attempts, this.#options.random());
      this.#pausedUntil = Math.max(this.#pausedUntil, this.#options.clock.now() + delay);
      return;
    }
    this.#attempts.delete(line.room);
    line.state = 'failed';
    line.failure = error instanceof Error ? error.message : String(error);
    this.#options.onChange();
    void this.#store(line);
  }

  #isPassing(room: string, error: RequestError): boolean {
    switch (error.code) {
      case 'rate_limited':
      case 'unavailable':
      case 'unauthorized': // The connection is about to be closed for it; the line goes after the next hello.
        return true;
      case 'internal':
        return (this.#attempts.get(room) ?? 0) + 1 < INTERNAL_ERRORS_LIMIT;
      default:
        return false;
    }
  }

  #find(id: string): Line | undefined {
    return this.#lines.find((line) => line.id === id);
  }

  #remove(line: Line): void {
    this.#lines = this.#lines.filter((other) => other !== line);
    this.#forget(line);
    this.#changed();
  }

  #forget(line: Line): void {
    void this.#options.store.delete(line.id).catch(() => undefined);
  }

  /** A browser that refuses to store (its disk is full) must not keep a line from being sent. */
  async #store({ state: _state, seq: _seq, ...stored }: Line): Promise<void> {
    await this.#options.store.put(stored).catch(() => undefined);
  }

  #changed(): void {
    this.#options.onChange();
    this.#pump();
  }
}

/** 128 random bits. (crypto.randomUUID is missing where a page comes over plain http from another machine.) */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

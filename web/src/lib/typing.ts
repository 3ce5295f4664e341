import type { Clock, Timer } from './clock';
import type { User } from './protocol';

const SAY_EVERY = 3_000;
const GONE_AFTER = 6_000;

/** Lets "I am typing" be said at most once in 3 s a room. */
export class TypingThrottle {
  readonly #clock: Clock;
  #saidAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether to say it now. */
  keystroke(room: string): boolean {
    const now = this.#clock.now();
    if (now - (this.#saidAt.get(room) ?? -Infinity) < SAY_EVERY) return false;
    this.#saidAt.set(room, now);
    return true;
  }

  /** The line was sent: the next one's first keystroke is said at once. */
  sent(room: string): void {
    this.#saidAt.delete(room);
  }
}

/** Who is typing in one room: whoever said so within the last 6 s and has not spoken since. */
export class Typists {
  readonly #clock: Clock;
  readonly #onChange: (users: User[]) => void;
  #typing = new Map<string, { user: User; timer: Timer }>();

  constructor(clock: Clock, onChange: (users: User[]) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  heard(user: User): void {
    this.#typing.get(user.id)?.timer.cancel();
    const timer = this.#clock.after(GONE_AFTER, () => this.stopped(user.id));
    this.#typing.set(user.id, { user, timer });
    this.#tell();
  }

  stopped(userId: string): void {
    this.#typing.get(userId)?.timer.cancel();
    if (this.#typing.delete(userId)) this.#tell();
  }

  clear(): void {
    for (const id of [...this.#typing.keys()]) this.stopped(id);
  }

  #tell(): void {
    this.#onChange(Array.from(this.#typing.values(), ({ user }) => user));
  }
}

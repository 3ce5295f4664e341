import { folded } from './fold';
import { isEntry, type Message } from './protocol';

/** A stretch of seqs that has not arrived: everything after `after`, up to and including `through`. */
export interface Gap {
  after: number;
  through: number;
}

/**
 * What is known of one room's messages: an unbroken run in the order of `seq`, each once, whatever way they came. What
 * arrives beyond a hole waits until the hole is filled. Entries (edits, deletions, reactions) are in the run too, and
 * have their effect on what they are about.
 */
export class RoomLog {
  readonly #me: () => string;
  #messages: readonly Message[] = [];
  #early = new Map<number, Message>();
  /** Where the run ends: the last message's seq, except in a room that has none. */
  #last = 0;

  /** @param me tells the id of who looks */
  constructor(me: () => string = () => '') {
    this.#me = me;
  }

  /** Ascending and without doubles. A new array on every change. */
  get messages(): readonly Message[] {
    return this.#messages;
  }

  /** The last seq up to which nothing is missing. */
  get last(): number {
    return this.#last;
  }

  /** The first seq of the run; behind the last where it is empty. */
  get first(): number {
    return this.#messages[0]?.seq ?? this.#last + 1;
  }

  /** The message of a seq, if it is in the run. */
  at(seq: number): Message | undefined {
    return this.#messages[indexOf(this.#messages, seq)];
  }

  /** Starts over with the newest messages of a room whose last seq is `last`. */
  reset(messages: readonly Message[], last: number): readonly Message[] {
    this.#messages = [];
    this.#early.clear();
    this.#last = (messages[0]?.seq ?? last + 1) - 1;
    return this.add(messages);
  }

  /** Takes in what arrived, in whatever order. Returns what the run grew by. */
  add(messages: readonly Message[]): readonly Message[] {
    for (const message of messages) {
      if (message.seq > this.#last) this.#early.set(message.seq, message);
    }
    return this.#extend(messages);
  }

  /** Puts a page of history before the run: it comes folded. Tells whether the run changed. */
  prepend(older: readonly Message[]): boolean {
    const { first } = this;
    const fitting = older.filter((message) => message.seq < first).sort((a, b) => a.seq - b.seq);
    if (fitting.length === 0) return false;
    this.#messages = [...fitting, ...this.#messages];
    return true;
  }

  /** Has an entry that is not part of this run take effect on it. Tells whether it did. */
  apply(entry: Message): boolean {
    if (!isEntry(entry) || entry.target === undefined) return false;
    const target = this.at(entry.target);
    const changed = target && folded(target, entry, this.#me());
    if (!changed || changed === target) return false;
    this.#messages = this.#messages.with(indexOf(this.#messages, target.seq), changed);
    return true;
  }

  /** Lets go of all but the newest `keep` messages. */
  trim(keep: number): void {
    this.#messages = this.#messages.slice(-keep);
  }

  /** The first hole, where something has arrived beyond one. */
  get gap(): Gap | undefined {
    if (this.#early.size === 0) return undefined;
    return { after: this.#last, through: Math.min(...this.#early.keys()) - 1 };
  }

  /**
   * Takes in the answer to asking for a gap. Where the server has nothing for the gap's beginning it never will, and
   * waiting longer would hide what came after it: so the run goes on behind the gap.
   */
  fill(gap: Gap, messages: readonly Message[]): readonly Message[] {
    const joined = this.add(messages);
    if (this.#last !== gap.after) return joined;
    this.#last = Math.min(gap.through, ...Array.from(this.#early.keys(), (seq) => seq - 1));
    return this.#extend([]);
  }

  /**
   * Moves what has become connected from early to the run.
   *
   * @param page what came together, and so was folded together
   */
  #extend(page: readonly Message[]): readonly Message[] {
    const joined: Message[] = [];
    for (;;) {
      const next = this.#early.get(this.#last + 1);
      if (!next) break;
      joined.push(next);
      this.#last = next.seq;
      this.#early.delete(next.seq);
    }
    if (joined.length === 0) return joined;
    const grown = [...this.#messages, ...joined];
    const foldedAlready = new Set(page.map(({ seq }) => seq));
    for (const entry of joined) {
      if (!isEntry(entry) || entry.target === undefined) continue;
      if (foldedAlready.has(entry.seq) && foldedAlready.has(entry.target)) continue;
      const index = indexOf(grown, entry.target);
      const target = grown[index];
      if (target) grown[index] = folded(target, entry, this.#me());
    }
    this.#messages = grown;
    return joined;
  }
}

/** Where the message of a seq is in an ascending list, -1 where it is not. */
function indexOf(messages: readonly Message[], seq: number): number {
  let [low, high] = [0, messages.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = messages[middle]?.seq ?? Infinity;
    if (found === seq) return middle;
    if (found < seq) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

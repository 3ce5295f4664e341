import { isSpoken, type Message } from './protocol';

/** So many messages are on the page at most, whatever the room holds. */
export const SHOWN_LIMIT = 180;
/** So many are where one reads at the end. */
export const AT_END = 100;
/** So many come in at one side, and go at the other, when the reader gets near to it. */
export const STEP = 60;

export interface Slice {
  messages: readonly Message[];
  /** What was said before the first of these: whether the first is by the same person, and on the same day, is known. */
  before: Message | undefined;
  /** There are spoken messages before and behind these. */
  hasBefore: boolean;
  hasBehind: boolean;
}

/**
 * The messages to show where the first is to be the one of seq `from`: entries are not counted. Where there are older
 * ones that are not here, the very first is not shown: what it follows decides how high it is, and heights must not
 * change while one reads.
 */
export function sliceFrom(messages: readonly Message[], from: number, hasOlder = false): Slice {
  const lowest = hasOlder ? messages.findIndex(isSpoken) + 1 : 0;
  const begin = Math.max(lowest, lowerBound(messages, from));
  let end = begin;
  for (let spoken = 0; end < messages.length && spoken < SHOWN_LIMIT; end++) if (isSpokenAt(messages, end)) spoken++;
  return {
    messages: messages.slice(begin, end),
    before: messages.slice(0, begin).findLast(isSpoken),
    hasBefore: someSpoken(messages, lowest, begin),
    hasBehind: someSpoken(messages, end, messages.length),
  };
}

/** The seq to begin at so that `count` spoken messages are shown before the one of seq `seq`; Infinity is the end. */
export function earlierBy(messages: readonly Message[], seq: number, count: number): number {
  let index = lowerBound(messages, seq);
  for (let spoken = 0; index > 0 && spoken < count; index--) if (isSpokenAt(messages, index - 1)) spoken++;
  return messages[index]?.seq ?? seq;
}

/** The seq to begin at so that `count` spoken messages fewer are shown at the beginning. */
export function laterBy(messages: readonly Message[], seq: number, count: number): number {
  let index = lowerBound(messages, seq);
  for (let spoken = 0; index < messages.length - 1 && spoken < count; index++) if (isSpokenAt(messages, index)) spoken++;
  return messages[index]?.seq ?? seq;
}

function isSpokenAt(messages: readonly Message[], index: number): boolean {
  const message = messages[index];
  return message !== undefined && isSpoken(message);
}

function someSpoken(messages: readonly Message[], begin: number, end: number): boolean {
  for (let index = begin; index < end; index++) if (isSpokenAt(messages, index)) return true;
  return false;
}

/** The first index whose seq is not below `seq`. */
function lowerBound(messages: readonly Message[], seq: number): number {
  let [low, high] = [0, messages.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle]?.seq ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

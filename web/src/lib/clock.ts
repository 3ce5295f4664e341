/** Time as the client sees it, so that tests can hold it. Milliseconds throughout. */
export interface Clock {
  now(): number;
  /** Calls back once, not before `delay` has passed; browsers throttle hidden pages, so possibly much later. */
  after(delay: number, call: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delay, call) {
    const id = setTimeout(call, delay);
    return { cancel: () => clearTimeout(id) };
  },
};

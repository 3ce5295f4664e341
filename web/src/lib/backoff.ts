const BASE = 500;
const CAP = 30_000;

/**
 * How long to wait before the next attempt, in ms: exponential with full jitter, so that a thousand pages whose server
 * restarted do not come back in step.
 *
 * @param failures attempts that failed in a row, 0 for the first wait
 * @param random a number in [0, 1)
 */
export function backoff(failures: number, random: number): number {
  return Math.round(random * Math.min(CAP, BASE * 2 ** Math.min(failures, 16)));
}

import { ApiError } from '../lib/api';

/** Something that is asked of the HTTP API, and what came of it last, to be shown beside the button. */
export class Attempt {
  /** Why the server refused; empty where it did not. */
  problem: string = $state('');
  isBusy: boolean = $state(false);

  /** Does something, and tells whether it was done. */
  async run(what: () => Promise<unknown>): Promise<boolean> {
    this.isBusy = true;
    this.problem = '';
    try {
      await what();
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.problem = error.message;
      return false;
    } finally {
      this.isBusy = false;
    }
  }
}

import { ApiError, type Account, type Api, type Config, type Ticket } from '../lib/api';
import type { Address } from '../lib/address';
import type { Clock } from '../lib/clock';
import type { Chat } from './chat.svelte';
import { Directory } from './directory.svelte';

/** Who one is with the server, where it has accounts: signing in, coming in by a link, and out. */
export class AccountState {
  /** What one may sign in with. Undefined: not asked yet, or the server has no API and takes guests by name. */
  config: Config | undefined = $state.raw();
  /** The server has said, or cannot be asked. */
  isKnown: boolean = $state(false);
  /** Who is signed in by cookie. */
  user: Account | undefined = $state.raw();
  /** A link that one came in by, with its secret. */
  link: Pick<Address, 'invite' | 'reset' | 'setup'> = $state.raw({});

  /** Why a way to sign in did not let one in. */
  refusal: string = $state('');

  readonly api: Api;
  readonly #chat: Chat;
  readonly #clock: Clock;

  constructor(api: Api, chat: Chat, clock: Clock) {
    this.api = api;
    this.#chat = chat;
    this.#clock = clock;
  }

  /** Asks what there is to sign in with, and goes on where one is signed in. `wanted` is what to open first. */
  async begin(wanted: Address): Promise<void> {
    this.#chat.start(wanted);
    this.follow(wanted);
    await this.refresh();
  }

  /** A link was opened: its secret is kept here, and the address need not show it any longer. */
  follow({ invite, reset, setup, refused }: Address): void {
    if (refused !== undefined) this.refusal = 'The provider did not let you in. Try again, or ask whoever runs Parley.';
    if ((invite ?? reset ?? setup) !== undefined) this.link = { invite, reset, setup };
  }

  get hasLink(): boolean {
    return (this.link.invite ?? this.link.reset ?? this.link.setup) !== undefined;
  }

  /** Asks anew who one is: the session may have ended. */
  async refresh(): Promise<void> {
    try {
      this.config = await this.api.config();
    } catch {
      this.isKnown = true;
      return;
    }
    this.isKnown = true;
    if (this.config) this.#chat.directory ??= new Directory(this.api, this.#clock);
    const user = this.config?.user;
    if (user && !this.hasLink && !this.#chat.me) this.#in(user);
    else if (user && user.id === this.user?.id) this.#chat.isAdmin = user.role === 'admin';
    else if (!user && this.user) this.#out('Your session has ended. Sign in to come back.');
  }

  async signIn(name: string, password: string): Promise<void> {
    this.#in(await this.api.signIn(name, password));
  }

  async signUp(name: string, password: string): Promise<void> {
    this.#in(await this.api.signUp(this.link.invite ?? '', name, password));
  }

  async resetPassword(password: string): Promise<void> {
    this.#in(await this.api.reset(this.link.reset ?? '', password));
  }

  async setUp(name: string, password: string): Promise<void> {
    this.#in(await this.api.setup(this.link.setup ?? '', name, password));
  }

  /** What a link is for, and from whom. */
  ticket(): Promise<Ticket> {
    return this.api.ticket(this.link.invite ?? this.link.reset ?? '');
  }

  leaveLink(): void {
    this.link = {};
    if (this.config?.user && !this.#chat.me) this.#in(this.config.user);
  }

  async signOut(everywhere: boolean): Promise<void> {
    if (this.user) {
      try {
        await this.api.signOut(everywhere);
      } catch (error) {
        // Signed out already.
        if (!(error instanceof ApiError) || error.code !== 'unauthorized') throw error;
      }
    }
    this.user = undefined;
    await this.#chat.signOut();
    await this.refresh();
  }

  #in(user: Account): void {
    this.refusal = '';
    this.link = {};
    this.user = user;
    this.#chat.startAs({ id: user.id, name: user.name }, user.role === 'admin');
  }

  #out(reason: string): void {
    this.user = undefined;
    this.#chat.end(reason);
  }
}

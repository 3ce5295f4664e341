import { sentence } from './format';
import type { Message, User } from './protocol';

/** docs/api.md, as this page uses it. */

export interface Config {
  guests: boolean;
  accounts: boolean;
  /** There is no admin yet. */
  setup: boolean;
  oidc?: { name: string };
  /** Who is signed in by cookie. */
  user?: Account;
}

export interface Person extends User {
  role?: string;
  /** When they were here last: RFC 3339. */
  seen?: string;
  online?: boolean;
}

export interface Account extends Person {
  /** Signs in with a password, which can be changed. */
  password?: boolean;
}

export interface Ticket {
  kind: 'invite' | 'reset';
  by: User;
  user?: User;
  expires: string;
}

export interface Invite {
  id: string;
  by?: User;
  uses: number;
  expires: string;
  /** Shown once. */
  link?: string;
}

export interface ListedRoom {
  id: string;
  name: string;
  kind: string;
  topic?: string;
  archived?: boolean;
  last: number;
  members?: number;
  /** One is a member. */
  member?: boolean;
}

export interface Members {
  members: Person[];
  more: boolean;
}

export interface Found {
  messages: Message[];
  cursor?: number;
}

/** The server's answer was no, or there was none. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    /** The HTTP status; 0 where no answer came. */
    readonly status: number,
    /** For machines: one of the codes in docs/protocol.md. */
    readonly code: string,
    /** For people: what to do. */
    message: string,
  ) {
    super(message);
  }
}

export type Fetch = (path: string, init: RequestInit) => Promise<Response>;

/** Asks the HTTP API. Every call throws ApiError where the server refuses. */
export class Api {
  readonly #fetch: Fetch;
  readonly #bearer: () => string | undefined;

  /** @param bearer a guest's session, where one is not signed in by cookie */
  constructor(fetch: Fetch, bearer: () => string | undefined) {
    this.#fetch = fetch;
    this.#bearer = bearer;
  }

  /** Undefined where the server has no API: it then takes guests by name, over the socket. */
  async config(): Promise<Config | undefined> {
    try {
      return await this.#call<Config>('GET', 'config');
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  setup = (token: string, name: string, password: string): Promise<Account> => this.#post('setup', { token, name, password });
  signIn = (name: string, password: string): Promise<Account> => this.#post('signin', { name, password });
  ticket = (ticket: string): Promise<Ticket> => this.#post('ticket', { ticket });
  signUp = (ticket: string, name: string, password: string): Promise<Account> => this.#post('signup', { ticket, name, password });
  reset = (ticket: string, password: string): Promise<Account> => this.#post('reset', { ticket, password });
  signOut = (everywhere: boolean): Promise<object> => this.#post('signout', { everywhere });
  changePassword = (old: string, next: string): Promise<object> => this.#post('me/password', { old, new: next });

  people = async (q: string, limit = 20): Promise<Person[]> => (await this.#get<{ people: Person[] }>('people', { q, limit })).people;
  setRole = (user: string, role: string): Promise<Account> => this.#post(`people/${escaped(user)}/role`, { role });
  resetLink = (user: string): Promise<{ link: string; expires: string }> => this.#post(`people/${escaped(user)}/reset`, {});
  removePerson = (user: string): Promise<object> => this.#call('DELETE', `people/${escaped(user)}`);
  invites = async (): Promise<Invite[]> => (await this.#get<{ invites: Invite[] }>('invites')).invites;
  invite = (uses: number, days: number): Promise<Invite> => this.#post('invites', { uses, days });
  removeInvite = (id: string): Promise<object> => this.#call('DELETE', `invites/${escaped(id)}`);

  rooms = async (q: string, limit = 50): Promise<ListedRoom[]> => (await this.#get<{ rooms: ListedRoom[] }>('rooms', { q, limit })).rooms;
  createRoom = (name: string, kind: string, topic: string): Promise<ListedRoom> => this.#post('rooms', { name, kind, topic });
  changeRoom = (id: string, change: { name?: string; topic?: string; archived?: boolean }): Promise<ListedRoom> =>
    this.#call('PATCH', `rooms/${escaped(id)}`, change);
  members = (id: string, after?: string): Promise<Members> => this.#get(`rooms/${escaped(id)}/members`, { after, limit: 100 });
  putMember = (id: string, user: string, role?: string): Promise<object> =>
    this.#call('PUT', `rooms/${escaped(id)}/members/${escaped(user)}`, role === undefined ? {} : { role });
  removeMember = (id: string, user: string): Promise<object> => this.#call('DELETE', `rooms/${escaped(id)}/members/${escaped(user)}`);

  search = (q: string, cursor?: number): Promise<Found> => this.#get('search', { q, cursor });

  #get<T>(path: string, query: Record<string, string | number | undefined> = {}): Promise<T> {
    const fields = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== '') fields.set(name, String(value));
    return this.#call('GET', fields.size === 0 ? path : `${path}?${fields.toString()}`);
  }

  #post<T>(path: string, body: object): Promise<T> {
    return this.#call('POST', path, body);
  }

  async #call<T>(method: string, path: string, body?: object): Promise<T> {
    const headers: Record<string, string> = {};
    const bearer = this.#bearer();
    if (bearer !== undefined) headers['Authorization'] = `Bearer ${bearer}`;
    // Also without a body: whatever changes something has to say that it comes from a script.
    if (method !== 'GET') headers['Content-Type'] = 'application/json';
    let response: Response;
    try {
      response = await this.#fetch(`/api/${path}`, {
        method,
        headers,
        credentials: 'same-origin',
        ...(body && { body: JSON.stringify(body) }),
      });
    } catch {
      throw new ApiError(0, 'unavailable', 'The server cannot be reached. Try again when there is a connection.');
    }
    const answer: unknown = await response.json().catch(() => undefined);
    if (!response.ok || typeof answer !== 'object' || answer === null) throw refusal(response.status, answer);
    return answer as T;
  }
}

const escaped = encodeURIComponent;

function refusal(status: number, answer: unknown): ApiError {
  const { code, message } = (typeof answer === 'object' && answer !== null ? answer : {}) as { code?: unknown; message?: unknown };
  return new ApiError(
    // An answer that is not the API's is none: something else answers at this path.
    status < 400 ? 404 : status,
    typeof code === 'string' ? code : 'internal',
    typeof message === 'string' && message !== '' ? sentence(message) : `The server refused (${status}). Try again later.`,
  );
}

import type { User } from './protocol';

const SESSION = 'parley.session';
const NAME = 'parley.name';
const ROOM = 'parley.room';
const DRAFTS = 'parley.drafts';

export interface Session {
  /** The secret that makes hello the same user again. */
  secret: string;
  user: User;
}

/** What the browser remembers between pages. */
export interface Memory {
  session: Session | undefined;
  name: string;
  room: string;
  /** By room. */
  drafts: Record<string, string>;
}

/** What this browser remembers, for all its tabs. Where storage is forbidden, nothing. */
export const remembered: Memory = {
  get session(): Session | undefined {
    const text = read(SESSION);
    if (text === undefined) return undefined;
    try {
      const value = JSON.parse(text) as Partial<Session> | null;
      return typeof value?.secret === 'string' && typeof value.user?.id === 'string' ? (value as Session) : undefined;
    } catch {
      return undefined;
    }
  },

  set session(session: Session | undefined) {
    write(SESSION, session && JSON.stringify(session));
  },

  /** The name asked for last, to offer it again. */
  get name(): string {
    return read(NAME) ?? '';
  },

  set name(name: string) {
    write(NAME, name);
  },

  /** What is written and not sent, by room. */
  get drafts(): Record<string, string> {
    try {
      const value: unknown = JSON.parse(read(DRAFTS) ?? '{}');
      if (typeof value !== 'object' || value === null) return {};
      return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
    } catch {
      return {};
    }
  },

  set drafts(drafts: Record<string, string>) {
    write(DRAFTS, Object.keys(drafts).length === 0 ? undefined : JSON.stringify(drafts));
  },

  /** The room looked at last. */
  get room(): string {
    return read(ROOM) ?? '';
  },

  set room(id: string) {
    write(ROOM, id);
  },
};

/** Calls when another tab signs in or out. */
export function onSessionElsewhere(call: (session: Session | undefined) => void): void {
  addEventListener('storage', ({ key }) => {
    // A null key: everything was cleared.
    if (key === SESSION || key === null) call(remembered.session);
  });
}

function read(key: string): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

function write(key: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // The page works without a memory; it only asks for the name again.
  }
}

import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { Body } from './protocol';

/** A line that has been written and not been acked: what it takes to send it again, after a reload too. */
export interface StoredLine {
  /** The message's id, the same on every attempt. */
  id: string;
  /** Whose line it is: another identity does not send it unasked. */
  user: string;
  room: string;
  /** What to give back to its writer: nothing where it is a deletion or a reaction. */
  text: string;
  /** What is published, where it is more than the text. */
  body?: Body;
  /** An edit, a deletion or a reaction, and the seq of what it is about. */
  kind?: 'edit' | 'delete' | 'reaction';
  target?: number;
  /** When it was written, in ms. No two lines of a page share it, and it gives their order. */
  at: number;
  /** Why the server refused it for good. Such a line is kept for its writer, and not sent again unasked. */
  failure?: string;
}

export const bodyOf = ({ body, text }: StoredLine): Body => body ?? { text };

export interface OutboxStore {
  /** In the order of `at`. */
  load(): Promise<StoredLine[]>;
  put(line: StoredLine): Promise<void>;
  delete(id: string): Promise<void>;
  clear(): Promise<void>;
}

interface Schema extends DBSchema {
  outbox: { key: string; value: StoredLine; indexes: { at: number } };
}

/** What localStorage does. */
export type Slate = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

const SLATE = 'parley.outbox.';

/**
 * The outbox of every tab of this browser. IndexedDB takes a moment, in which the page may go: until it has a line, the
 * line stands on a slate, where it is at once.
 */
export class IndexedDBOutboxStore implements OutboxStore {
  readonly #db: IDBPDatabase<Schema>;
  readonly #slate: Slate;

  private constructor(db: IDBPDatabase<Schema>, slate: Slate) {
    this.#db = db;
    this.#slate = slate;
  }

  static async open(slate: Slate): Promise<IndexedDBOutboxStore> {
    const db = await openDB<Schema>('parley', 1, {
      upgrade(database) {
        database.createObjectStore('outbox', { keyPath: 'id' }).createIndex('at', 'at');
      },
    });
    return new IndexedDBOutboxStore(db, slate);
  }

  async load(): Promise<StoredLine[]> {
    const lines = new Map((await this.#db.getAllFromIndex('outbox', 'at')).map((line) => [line.id, line]));
    for (const line of this.#written()) if (!lines.has(line.id)) lines.set(line.id, line);
    return [...lines.values()].sort((a, b) => a.at - b.at);
  }

  async put(line: StoredLine): Promise<void> {
    const key = SLATE + line.id;
    try {
      this.#slate.setItem(key, JSON.stringify(line));
    } catch {
      // It is full or forbidden: the line is in IndexedDB a moment later.
    }
    await this.#db.put('outbox', line);
    this.#slate.removeItem(key);
  }

  async delete(id: string): Promise<void> {
    this.#slate.removeItem(SLATE + id);
    await this.#db.delete('outbox', id);
  }

  async clear(): Promise<void> {
    for (const { id } of this.#written()) this.#slate.removeItem(SLATE + id);
    await this.#db.clear('outbox');
  }

  /** What stands on the slate: a page went before IndexedDB had it, or is about to have it. */
  #written(): StoredLine[] {
    const keys = Array.from({ length: this.#slate.length }, (_, i) => this.#slate.key(i) ?? '');
    return keys.filter((key) => key.startsWith(SLATE)).flatMap((key) => {
      const line: unknown = JSON.parse(this.#slate.getItem(key) ?? 'null');
      return isLine(line) ? [line] : [];
    });
  }
}

function isLine(line: unknown): line is StoredLine {
  return typeof line === 'object' && line !== null && 'id' in line && 'room' in line && 'at' in line;
}

/** Where the browser gives no IndexedDB (some private windows): the outbox then lives as long as the page. */
export class MemoryOutboxStore implements OutboxStore {
  readonly #lines = new Map<string, StoredLine>();

  load(): Promise<StoredLine[]> {
    return Promise.resolve([...this.#lines.values()].sort((a, b) => a.at - b.at));
  }

  put(line: StoredLine): Promise<void> {
    this.#lines.set(line.id, line);
    return Promise.resolve();
  }

  delete(id: string): Promise<void> {
    this.#lines.delete(id);
    return Promise.resolve();
  }

  clear(): Promise<void> {
    this.#lines.clear();
    return Promise.resolve();
  }
}

export async function openOutboxStore(): Promise<OutboxStore> {
  try {
    return await IndexedDBOutboxStore.open(localStorage);
  } catch {
    return new MemoryOutboxStore();
  }
}

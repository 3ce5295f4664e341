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

/** The outbox of every tab of this browser. */
export class IndexedDBOutboxStore implements OutboxStore {
  readonly #db: IDBPDatabase<Schema>;

  private constructor(db: IDBPDatabase<Schema>) {
    this.#db = db;
  }

  static async open(): Promise<IndexedDBOutboxStore> {
    const db = await openDB<Schema>('parley', 1, {
      upgrade(database) {
        database.createObjectStore('outbox', { keyPath: 'id' }).createIndex('at', 'at');
      },
    });
    return new IndexedDBOutboxStore(db);
  }

  load(): Promise<StoredLine[]> {
    return this.#db.getAllFromIndex('outbox', 'at');
  }

  async put(line: StoredLine): Promise<void> {
    await this.#db.put('outbox', line);
  }

  delete(id: string): Promise<void> {
    return this.#db.delete('outbox', id);
  }

  clear(): Promise<void> {
    return this.#db.clear('outbox');
  }
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
    return await IndexedDBOutboxStore.open();
  } catch {
    return new MemoryOutboxStore();
  }
}

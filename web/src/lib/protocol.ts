/** The words of docs/protocol.md, as this page uses them. */

export const SUBPROTOCOL = 'parley.v1.json';

export interface User {
  id: string;
  name: string;
}

export interface Message {
  room: string;
  /** 1, 2, 3... within the room, without holes. */
  seq: number;
  /** The sender's own: the same on every resend. */
  id: string;
  from: User;
  /** RFC 3339, UTC, milliseconds. */
  time: string;
  kind: string;
  /** The newest: edits are folded in. Of a deleted message, {}. */
  body: unknown;
  /** The seq of the message that an edit, a deletion or a reaction is about. */
  target?: number;
  edited?: boolean | undefined;
  deleted?: boolean | undefined;
  /** In the order they came. */
  reactions?: readonly Reaction[] | undefined;
}

export interface Reaction {
  emoji: string;
  count: number;
  /** The first 20 of them. */
  users: readonly User[];
  mine?: boolean;
}

/** Of a text: `text`, and `reply`, the seq of what it answers. Of a reaction: `emoji`, `remove`. Of a deletion: nothing. */
export interface Body {
  text?: string;
  reply?: number;
  emoji?: string;
  remove?: boolean;
}

export interface RoomSummary {
  id: string;
  name: string;
  /** `public`, `private` or `direct`. */
  kind: string;
  topic?: string;
  archived?: boolean;
  /** `admin` of the room, or nothing. */
  role?: string;
  last: number;
  read: number;
  unread: number;
  mentions: number;
}

/** What an event tells of a room. */
export type RoomNews = Pick<RoomSummary, 'id' | 'name' | 'kind' | 'topic' | 'archived' | 'last'>;

export interface HelloAck {
  user: User;
  session: string;
  /** Milliseconds. */
  heartbeat: { interval: number; timeout: number };
  /** Bytes of an encoded body; messages a second; and how many at once. */
  limits: { body: number; rate: number; burst: number };
}

export interface RoomsAck {
  rooms: RoomSummary[];
}

export interface Joined {
  room: string;
  first: number;
  last: number;
  messages: Message[];
  /** Without `since`: older ones exist. With `since`: newer ones are left. */
  more: boolean;
  recovered?: boolean;
  users: User[];
  count: number;
}

export interface JoinFailed {
  room: string;
  error: { code: string; message: string; retry_after?: number | undefined };
}

export interface JoinManyAck {
  rooms: (Joined | JoinFailed)[];
}

export interface HistoryAck {
  messages: Message[];
  more: boolean;
}

export interface PublishAck {
  seq: number;
  time: string;
}

export interface PresenceAck {
  users: User[];
  count: number;
}

/** What the server says without being asked. */
export type ServerEvent =
  | ({ type: 'message' } & Message)
  | { type: 'signal'; room: string; from: User; kind: string; body: unknown }
  | { type: 'presence'; room: string; user: User; online: boolean }
  | { type: 'read'; room: string; seq: number }
  | ({ type: 'room'; left?: false } & RoomNews)
  /** One is no member of it any more. */
  | { type: 'room'; id: string; left: true };

/** What a page may ask, each with its fields and its answer. */
export interface Requests {
  /** Nothing where the session is in a cookie. */
  hello: { fields: { name?: string; session?: string }; ack: HelloAck };
  rooms: { fields: object; ack: RoomsAck };
  /** For each room the last seq one has, or null: always in its bulk form, for one room too. */
  join: { fields: { rooms: Record<string, number | null> }; ack: JoinManyAck };
  leave: { fields: { room: string }; ack: object };
  publish: { fields: { room: string; id: string; kind?: string; target?: number; body: Body }; ack: PublishAck };
  direct: { fields: { user: string }; ack: { room: string } };
  signal: { fields: { room: string; kind: string; body: unknown }; ack: object };
  history: { fields: { room: string; before?: number; after?: number; limit?: number }; ack: HistoryAck };
  presence: { fields: { room: string }; ack: PresenceAck };
  read: { fields: { room: string; seq: number }; ack: object };
  ping: { fields: object; ack: object };
}

/** At most this many rooms in one `join`. */
export const JOIN_MANY_LIMIT = 200;

/** Close codes 4500 to 4999 say: do not come back by yourself. */
export function isFinal(closeCode: number): boolean {
  return closeCode >= 4500 && closeCode <= 4999;
}

export const CLOSE_BAD_CREDENTIALS = 4500;

/** Close codes that say: one is not signed in any more (bad credentials; expired; signed out or removed). */
export function isSignedOut(closeCode: number): boolean {
  return closeCode >= CLOSE_BAD_CREDENTIALS && closeCode <= 4502;
}

/** The token that said who one is has expired: perhaps there is a fresh one. */
export const CLOSE_EXPIRED = 4501;

/** Whether a message changes another one, rather than being something a person said. */
export function isEntry({ kind }: Pick<Message, 'kind'>): boolean {
  return kind === 'edit' || kind === 'delete' || kind === 'reaction';
}

/** Whether a message is something a person said. */
export function isSpoken(message: Message): boolean {
  return message.kind === 'text' || message.kind === 'file' || message.kind.startsWith('x-');
}

export function textOf({ body, deleted }: Pick<Message, 'body' | 'deleted'>): string {
  if (deleted === true) return '';
  if (typeof body === 'object' && body !== null && 'text' in body && typeof body.text === 'string') return body.text;
  return JSON.stringify(body);
}

/** The seq of the message that one answers, if it answers one. */
export function replyOf({ body }: Pick<Message, 'body'>): number | undefined {
  if (typeof body !== 'object' || body === null || !('reply' in body)) return undefined;
  return Number.isSafeInteger(body.reply) && (body.reply as number) > 0 ? (body.reply as number) : undefined;
}

/** The room that always exists. */
export const LOBBY = 'lobby';

const ROOM_ID = /^[a-z0-9][a-z0-9-]{0,63}$/;

export function isRoomId(id: string): boolean {
  return ROOM_ID.test(id);
}

/** The room id a person means by what they typed: "#Design Team" is design-team. Empty where nothing usable is left. */
export function toRoomId(typed: string): string {
  const id = typed
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{Mark}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64)
    .replace(/-+$/, '');
  return isRoomId(id) ? id : '';
}

import { isRoomId } from './protocol';

/** What the part of the address behind # says. It never reaches the server, so that links may carry secrets in it. */
export interface Address {
  room?: string;
  /** A message in that room. */
  seq?: number;
  /** Secrets of links to come in by: an invitation, a new password, the first admin. */
  invite?: string;
  reset?: string;
  setup?: string;
  /** What did not let one in: the provider of OpenID Connect. */
  refused?: string;
}

export function parseAddress(hash: string): Address {
  const text = hash.replace(/^#/, '');
  if (!text.includes('=')) return text === '' ? {} : { room: decoded(text) };
  const fields = new URLSearchParams(text);
  const address: Address = {};
  for (const name of ['invite', 'reset', 'setup', 'refused', 'room'] as const) {
    const value = fields.get(name);
    if (value !== null && value !== '') address[name] = value;
  }
  const seq = Number(fields.get('seq'));
  if (address.room !== undefined && Number.isSafeInteger(seq) && seq > 0) address.seq = seq;
  return address;
}

/** The address of a room, or of a message in it. */
export function addressOf(room: string, seq?: number): string {
  return seq === undefined ? `#${room}` : `#room=${room}&seq=${seq}`;
}

/** The room and the message that a link leads to, where it is one to this very page. */
export function linkedMessage(href: string, page: { origin: string; pathname: string }): { room: string; seq: number } | undefined {
  if (!URL.canParse(href)) return undefined;
  const url = new URL(href);
  if (url.origin !== page.origin || url.pathname !== page.pathname) return undefined;
  const { room, seq } = parseAddress(url.hash);
  return room !== undefined && seq !== undefined && isRoomId(room) ? { room, seq } : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

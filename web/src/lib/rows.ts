import { folded } from './fold';
import { formatDay, isSameDay } from './format';
import type { Line } from './outbox';
import { bodyOf } from './outbox-store';
import { isSpoken, replyOf, textOf, type Message, type Reaction, type User } from './protocol';

export interface MessageRow {
  type: 'message';
  /** The same while a line turns from unsent into sent, so that it stays the same element. */
  key: string;
  id: string;
  seq: number | undefined;
  from: User;
  isMine: boolean;
  at: Date;
  text: string;
  /** Can be edited: it is a text rather than what an application said. */
  isText: boolean;
  isEdited: boolean;
  isDeleted: boolean;
  reactions: readonly Reaction[];
  /** The seq of the message that this one answers. */
  reply: number | undefined;
  state: 'sending' | 'sent' | 'failed';
  /** Why it, or a change of it, was refused; and the id of the line to try again or to discard. */
  failure: string | undefined;
  failedLine: string | undefined;
  /** Goes under the message before it, without author and picture. */
  continued: boolean;
}

export type Row = MessageRow | { type: 'day'; key: string; label: string } | { type: 'new'; key: string };

export interface Shown {
  messages: readonly Message[];
  /** What was said before them, and is not shown. */
  before?: Message | undefined;
  unsent: readonly Line[];
  me: User;
  /** Where the divider "New" stands: behind this seq. */
  newAfter: number | undefined;
  now: Date;
  /** What is unsent does not follow: messages that are not among these come before it. */
  isCut?: boolean;
}

const GROUP_WITHIN = 5 * 60_000;

/**
 * A room's messages and then its unsent lines, with days between days, grouped by who said them. Unsent changes of
 * messages have their effect already.
 */
export function toRows({ messages, before, unsent, me, newAfter, now, isCut = false }: Shown): Row[] {
  const rows: Row[] = [];
  const changes = new Map<number, Line[]>();
  for (const line of unsent) changes.set(line.target ?? 0, [...(changes.get(line.target ?? 0) ?? []), line]);
  const said = new Set(messages.map(({ from, id }) => (from.id === me.id ? id : '')));
  let previous = before && fromMessage(before, me, []);
  let isDividerDue = newAfter !== undefined;

  const push = (row: MessageRow): void => {
    if (!previous || !isSameDay(previous.at, row.at)) {
      rows.push({ type: 'day', key: `day ${row.key}`, label: formatDay(row.at, now) });
      previous = undefined;
    }
    if (isDividerDue && newAfter !== undefined && row.seq !== undefined && row.seq > newAfter) {
      isDividerDue = false;
      if (!row.isMine) {
        rows.push({ type: 'new', key: 'new' });
        previous = undefined;
      }
    }
    row.continued =
      previous?.from.id === row.from.id &&
      row.at.getTime() - previous.at.getTime() < GROUP_WITHIN &&
      row.reply === undefined;
    rows.push(row);
    previous = row;
  };

  for (const message of messages) {
    if (isSpoken(message)) push(fromMessage(message, me, (changes.get(message.seq) ?? []).filter(({ id }) => !said.has(id))));
  }
  // A line that is among the messages was stored, and its ack was lost or is yet to come.
  if (!isCut) for (const line of changes.get(0) ?? []) if (!said.has(line.id)) push(fromLine(line, me));
  return rows;
}

function fromMessage(stored: Message, me: User, changes: readonly Line[]): MessageRow {
  let message = stored;
  for (const line of changes) if (line.state !== 'failed') message = folded(message, asEntry(line, stored, me), me.id);
  const failed = changes.find(({ state }) => state === 'failed');
  return {
    type: 'message',
    key: `${message.from.id} ${message.id}`,
    id: message.id,
    seq: message.seq,
    from: message.from,
    isMine: message.from.id === me.id,
    at: new Date(message.time),
    text: textOf(message),
    isText: message.kind === 'text',
    isEdited: message.edited === true,
    isDeleted: message.deleted === true,
    reactions: message.reactions ?? [],
    reply: replyOf(message),
    state: changes.length > (failed ? 1 : 0) ? 'sending' : 'sent',
    failure: failed && `${refused(failed)} ${failed.failure ?? ''}`,
    failedLine: failed?.id,
    continued: false,
  };
}

function refused({ kind }: Line): string {
  if (kind === 'edit') return 'The change was not saved.';
  return kind === 'delete' ? 'It was not deleted.' : 'The reaction was not saved.';
}

function asEntry(line: Line, { room, seq }: Message, me: User): Message {
  const time = new Date(line.at).toISOString();
  return { room, seq: 0, id: line.id, from: me, time, kind: line.kind ?? 'text', body: bodyOf(line), target: seq };
}

function fromLine(line: Line, me: User): MessageRow {
  return {
    type: 'message',
    key: `${me.id} ${line.id}`,
    id: line.id,
    seq: line.seq,
    from: me,
    isMine: true,
    at: new Date(line.at),
    text: line.text,
    isText: true,
    isEdited: false,
    isDeleted: false,
    reactions: [],
    reply: replyOf({ body: bodyOf(line) }),
    state: line.state,
    failure: line.failure === undefined ? undefined : `Not sent. ${line.failure}`,
    failedLine: line.state === 'failed' ? line.id : undefined,
    continued: false,
  };
}

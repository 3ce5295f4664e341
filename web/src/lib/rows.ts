import { formatDay, isSameDay } from './format';
import type { Line } from './outbox';
import { isSpoken, textOf, type Message, type User } from './protocol';

export interface MessageRow {
  type: 'message';
  /** The same while a line turns from unsent into sent, so that it stays the same element. */
  key: string;
  id: string;
  seq: number | undefined;
  from: User;
  at: Date;
  text: string;
  state: 'sending' | 'sent' | 'failed';
  failure: string | undefined;
  /** Goes under the message before it, without author and picture. */
  continued: boolean;
}

export type Row = MessageRow | { type: 'day'; key: string; label: string } | { type: 'new'; key: string };

export interface Shown {
  messages: readonly Message[];
  unsent: readonly Line[];
  me: User;
  /** Where the divider "New" stands: behind this seq. */
  newAfter: number | undefined;
  now: Date;
}

const GROUP_WITHIN = 5 * 60_000;

/** A room's messages and then its unsent lines, with days between days, grouped by who said them. */
export function toRows({ messages, unsent, me, newAfter, now }: Shown): Row[] {
  const rows: Row[] = [];
  let previous: MessageRow | undefined;
  let isDividerDue = newAfter !== undefined;

  const push = (row: MessageRow): void => {
    if (!previous || !isSameDay(previous.at, row.at)) {
      rows.push({ type: 'day', key: `day ${row.key}`, label: formatDay(row.at, now) });
      previous = undefined;
    }
    if (isDividerDue && newAfter !== undefined && row.seq !== undefined && row.seq > newAfter) {
      isDividerDue = false;
      if (row.from.id !== me.id) {
        rows.push({ type: 'new', key: 'new' });
        previous = undefined;
      }
    }
    row.continued =
      previous?.from.id === row.from.id && row.at.getTime() - previous.at.getTime() < GROUP_WITHIN;
    rows.push(row);
    previous = row;
  };

  for (const message of messages) if (isSpoken(message)) push(fromMessage(message));
  for (const line of unsent) if (!isSaid(line, messages, me)) push(fromLine(line, me));
  return rows;
}

/** Whether a line is among the messages: it was stored, and its ack was lost or is yet to come. */
function isSaid(line: Line, messages: readonly Message[], me: User): boolean {
  return messages.some((message) => message.id === line.id && message.from.id === me.id);
}

function fromMessage(message: Message): MessageRow {
  return {
    type: 'message',
    key: `${message.from.id} ${message.id}`,
    id: message.id,
    seq: message.seq,
    from: message.from,
    at: new Date(message.time),
    text: textOf(message),
    state: 'sent',
    failure: undefined,
    continued: false,
  };
}

function fromLine(line: Line, me: User): MessageRow {
  return {
    type: 'message',
    key: `${me.id} ${line.id}`,
    id: line.id,
    seq: line.seq,
    from: me,
    at: new Date(line.at),
    text: line.text,
    state: line.state,
    failure: line.failure,
    continued: false,
  };
}

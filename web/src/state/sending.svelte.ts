import { RequestError, type Client } from '../lib/client';
import { Outbox, type Line, type OutboxOptions } from '../lib/outbox';
import { bodyOf, type StoredLine } from '../lib/outbox-store';
import { replyOf, textOf, type Message, type PublishAck, type User } from '../lib/protocol';
import type { Room } from './room.svelte';

/** The conversation that is written in. */
export interface Conversation {
  /** Who one is. */
  me(): User | undefined;
  find(id: string): Room | undefined;
  /** The room of this id, listed from now on. */
  room(id: string): Room;
  /** Becomes a member of a room again. */
  join(room: Room): Promise<void>;
  /** Shows a message in a room that is loaded. */
  add(room: Room, message: Message): void;
}

/** What a person writes and does with messages, on its way: at once on the screen, and said when there is a connection. */
export class Sending {
  /** Written and not yet said, in all rooms, in the order written. */
  unsent: readonly Line[] = $state.raw([]);
  readonly outbox: Outbox;
  readonly #client: Client;
  readonly #conversation: Conversation;

  constructor(client: Client, conversation: Conversation, options: Pick<OutboxOptions, 'store' | 'clock' | 'random'>) {
    this.#client = client;
    this.#conversation = conversation;
    this.outbox = new Outbox({
      ...options,
      publish: (line) => this.#publish(line),
      onChange: () => (this.unsent = this.outbox.lines.map((line) => ({ ...line }))),
      onSent: (line, ack) => this.#sent(line, ack),
    });
  }

  /** Says a line, as the answer to what the room says it answers. */
  async say(room: Room, text: string): Promise<void> {
    const reply = room.replyTo;
    room.replyTo = undefined;
    await this.outbox.add(room.id, text, reply === undefined ? {} : { body: { text, reply } });
  }

  /** Gives a message of one's own another text. What it answers stays. */
  async edit(room: Room, seq: number, text: string): Promise<void> {
    const message = room.message(seq);
    if (!message || textOf(message) === text) return;
    const reply = replyOf(message);
    const body = reply === undefined ? { text } : { text, reply };
    await this.outbox.add(room.id, text, { kind: 'edit', target: seq, body });
  }

  async remove(room: Room, seq: number): Promise<void> {
    await this.outbox.add(room.id, '', { kind: 'delete', target: seq, body: {} });
  }

  /** Puts an emoji beside a message, or takes one's own away. */
  async react(room: Room, seq: number, emoji: string, remove: boolean): Promise<void> {
    const body = remove ? { emoji, remove } : { emoji };
    await this.outbox.add(room.id, '', { kind: 'reaction', target: seq, body });
  }

  retry(id: string): void {
    void this.outbox.retry(id);
  }

  /** Forgets a line that was refused, and gives its text back. */
  discard(id: string): string {
    return this.outbox.discard(id);
  }

  /** A room has come to show these. What is acked stays until then, so that it never vanishes from the screen between. */
  shown(room: Room, messages: readonly Message[]): void {
    for (const { from, id } of messages) if (from.id === this.#conversation.me()?.id) this.outbox.confirm(id);
    this.#confirmSent(room);
  }

  #confirmSent(room: Room): void {
    for (const line of this.outbox.lines) {
      if (line.room !== room.id || line.seq === undefined) continue;
      if (!room.isLoaded || line.seq <= room.shownThrough) this.outbox.confirm(line.id);
    }
  }

  async #publish(line: StoredLine): Promise<PublishAck> {
    const { room, id, kind, target } = line;
    const fields = { room, id, body: bodyOf(line), ...(kind && { kind }), ...(target !== undefined && { target }) };
    try {
      return await this.#client.request('publish', fields);
    } catch (error) {
      const isOut = this.#conversation.find(room)?.isOut === true;
      if (!(error instanceof RequestError) || error.code !== 'not_joined' || isOut) throw error;
      await this.#conversation.join(this.#conversation.room(room));
      return this.#client.request('publish', fields);
    }
  }

  /** The ack says all that the message event will say: the line need not wait for it. */
  #sent(line: StoredLine, { seq, time }: PublishAck): void {
    const { id, room: roomId, kind = 'text', target } = line;
    const me = this.#conversation.me();
    const room = this.#conversation.room(roomId);
    if (room.isLoaded && me) {
      const message = { room: roomId, seq, id, from: me, time, kind, body: bodyOf(line), ...(target !== undefined && { target }) };
      this.#conversation.add(room, message);
    }
    this.#confirmSent(room);
  }
}

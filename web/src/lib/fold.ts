import { isEntry, type Message, type Reaction } from './protocol';

/**
 * A message as it is after an entry about it (docs/protocol.md, "edit, delete, reaction"). Doing it twice changes
 * nothing more, since a message that was fetched has come folded already, perhaps with entries that arrive later.
 *
 * @param me the id of who looks
 */
export function folded(target: Message, entry: Message, me: string): Message {
  if (target.deleted === true || !isEntry(entry)) return target;
  switch (entry.kind) {
    case 'edit':
      // Of an edit whose target was deleted since, nothing is left.
      return hasText(entry.body) ? { ...target, body: entry.body, edited: true } : target;
    case 'delete':
      return { ...target, body: {}, deleted: true, edited: undefined, reactions: undefined };
    default: {
      const before = target.reactions ?? [];
      const reactions = reacted(before, entry, me);
      return reactions === before ? target : { ...target, reactions };
    }
  }
}

/** What a reaction's body says, or undefined where it says nothing this page understands. */
export function emojiOf(body: unknown): { emoji: string; remove: boolean } | undefined {
  if (typeof body !== 'object' || body === null || !('emoji' in body) || typeof body.emoji !== 'string') return undefined;
  return { emoji: body.emoji, remove: 'remove' in body && body.remove === true };
}

/** The same list where nothing changes. */
function reacted(before: readonly Reaction[], { body, from }: Message, me: string): readonly Reaction[] {
  const said = emojiOf(body);
  if (!said) return before;
  const { emoji, remove } = said;
  const known = before.find((reaction) => reaction.emoji === emoji);
  const isMine = from.id === me;
  const isThere = known !== undefined && ((isMine && known.mine === true) || known.users.some(({ id }) => id === from.id));
  if (!known) {
    if (remove) return before;
    return [...before, { emoji, count: 1, users: [from], ...(isMine && { mine: true }) }];
  }
  // The server names the first 20 alone: of another person beyond them it is not known whether they are counted. One
  // who adds is taken for new, one who removes for there.
  const isUnnamed = known.count > known.users.length;
  if (remove ? !isThere && !isUnnamed : isThere) return before;
  const changed: Reaction = {
    emoji,
    count: known.count + (remove ? -1 : 1),
    users: remove ? known.users.filter(({ id }) => id !== from.id) : [...known.users, from],
    ...((isMine ? !remove : known.mine === true) && { mine: true }),
  };
  if (changed.count <= 0) return before.filter((reaction) => reaction !== known);
  return before.map((reaction) => (reaction === known ? changed : reaction));
}

function hasText(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'text' in body && typeof body.text === 'string';
}

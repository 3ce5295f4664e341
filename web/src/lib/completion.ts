import { findEmoji } from './emoji';
import { keyOf } from './mentions';
import type { User } from './protocol';

/** What is being typed at the caret that can be completed, and where it begins. */
export interface Trigger {
  kind: '@' | ':';
  begin: number;
  query: string;
}

export interface Choice {
  key: string;
  /** What is put in place of what was typed. */
  text: string;
  label: string;
  user?: User;
}

const LIMIT = 8;
const MENTION = /(?:^|[\s([{"'>])@([^\s@][^@\n]{0,39}|)$/u;
const EMOJI = /(?:^|[\s(])(:[a-z0-9_+-]{2,20})$/u;

export function triggerAt(text: string, caret: number): Trigger | undefined {
  const before = text.slice(Math.max(0, caret - 64), caret);
  const emoji = EMOJI.exec(before)?.[1];
  if (emoji !== undefined) return { kind: ':', begin: caret - emoji.length, query: emoji.slice(1) };
  const name = MENTION.exec(before)?.[1];
  if (name !== undefined) return { kind: '@', begin: caret - name.length - 1, query: name };
  return undefined;
}

/** People whose name, or a word in it, begins with what was typed: the ones who are here first. */
export function completions(trigger: Trigger, people: readonly User[], me: string): Choice[] {
  if (trigger.kind === ':') {
    return findEmoji(trigger.query, LIMIT).map(({ char, name }) => ({ key: char, text: `${char} `, label: `${char}  :${name}:` }));
  }
  const query = keyOf(trigger.query);
  const fits = (user: User): boolean => {
    const key = keyOf(user.name);
    return key.startsWith(query) || key.split(/[\s._-]+/).some((word) => query !== '' && word.startsWith(query));
  };
  const fitting = people.filter((user) => user.id !== me && fits(user)).slice(0, LIMIT);
  // Nothing is left to complete: Enter sends.
  if (fitting.every(({ name }) => keyOf(name) === query)) return [];
  return fitting
    .map((user) => ({ key: user.id, text: `@${user.name} `, label: user.name, user }));
}

/** The text with a choice made, and where the caret is then. */
export function complete(text: string, caret: number, trigger: Trigger, choice: Choice): { text: string; caret: number } {
  const rest = text.slice(caret).replace(/^ /, '');
  return { text: text.slice(0, trigger.begin) + choice.text + rest, caret: trigger.begin + choice.text.length };
}

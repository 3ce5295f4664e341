import type { User } from './protocol';

const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });
const dayThisYear = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const dayOtherYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });

export const formatTime = (at: Date): string => time.format(at);
/** The time without "AM" or "PM": it is said nearby. */
export const formatClock = (at: Date): string =>
  time
    .formatToParts(at)
    .map(({ type, value }) => (type === 'dayPeriod' ? '' : value))
    .join('')
    .trim();
export const formatFull = (at: Date): string => full.format(at);

/** "Today", "Yesterday", "Tuesday, 3 March", "3 March 2024". */
export function formatDay(at: Date, now: Date): string {
  if (isSameDay(at, now)) return 'Today';
  if (isSameDay(at, new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1))) return 'Yesterday';
  return (at.getFullYear() === now.getFullYear() ? dayThisYear : dayOtherYear).format(at);
}

/** "Last seen today at 14:03", "Last seen on 3 March 2024 at 14:03". */
export function formatSeen(at: Date, now: Date): string {
  const day = formatDay(at, now);
  const when = day === 'Today' || day === 'Yesterday' ? day.toLowerCase() : `on ${day}`;
  return `Last seen ${when} at ${formatTime(at)}`;
}

export function isSameDay(a: Date, b: Date): boolean {
  return a.getFullYear() === b.getFullYear() && a.getMonth() === b.getMonth() && a.getDate() === b.getDate();
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** One or two letters that stand for a person. */
export function initials(name: string): string {
  const words = name.split(/[\s._-]+/).filter((word) => word !== '');
  const chosen = words.length > 1 ? [words[0], words.at(-1)] : [words[0] ?? name];
  const letters = chosen.map((word = '') => graphemes.segment(word).containing(0)?.segment ?? '');
  return letters.join('').toUpperCase();
}

export const HUES = 12;

/** Which of the hues a person has: the same everywhere, since it comes from their id. */
export function hueOf(userId: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < userId.length; i++) hash = Math.imul(hash ^ userId.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % HUES;
}

/** "ann is typing", "ann and bob are typing", "ann, bob and 3 others are typing". */
export function typingText(users: readonly User[]): string {
  const names = users.map((user) => user.name);
  if (names.length === 0) return '';
  if (names.length === 1) return `${names[0] ?? ''} is typing`;
  if (names.length === 2) return `${names.join(' and ')} are typing`;
  if (names.length === 3) return `${names[0] ?? ''}, ${names[1] ?? ''} and ${names[2] ?? ''} are typing`;
  return `${names[0] ?? ''}, ${names[1] ?? ''} and ${names.length - 2} others are typing`;
}

/** What a server says to programs, as people are told it: "wait 2s, then go on" is "Wait 2s, then go on." */
export function sentence(text: string): string {
  const begun = text.replace(/^\p{Lowercase}/u, (letter) => letter.toUpperCase());
  return /[\p{Letter}\p{Number})"]$/u.test(begun) ? `${begun}.` : begun;
}

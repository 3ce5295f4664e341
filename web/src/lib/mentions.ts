import type { User } from './protocol';

/** Part of a text: `user` where it is an @ and a name. */
export interface Part {
  text: string;
  user?: User;
}

/** The names that may be mentioned. Names have spaces; the longest one that fits is meant, as on the server. */
export class Names {
  readonly #users = new Map<string, User>();
  #longest = 0;

  constructor(users: Iterable<User>) {
    for (const user of users) {
      const key = keyOf(user.name);
      if (key === '') continue;
      this.#users.set(key, user);
      this.#longest = Math.max(this.#longest, key.length);
    }
  }

  /** Divides a text at its mentions. Text without any is one part. */
  split(text: string): Part[] {
    const parts: Part[] = [];
    let shown = 0;
    for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
      if (at > 0 && isWord(text.slice(0, at), 'end')) continue;
      const found = this.#at(text, at + 1);
      if (!found) continue;
      if (at > shown) parts.push({ text: text.slice(shown, at) });
      parts.push({ text: text.slice(at, found.end), user: found.user });
      shown = found.end;
      at = found.end - 1;
    }
    if (shown < text.length) parts.push({ text: text.slice(shown) });
    return parts;
  }

  /** Whether a text mentions a person. */
  mentions(text: string, userId: string): boolean {
    return text.includes('@') && this.split(text).some(({ user }) => user?.id === userId);
  }

  #at(text: string, begin: number): { user: User; end: number } | undefined {
    for (let end = Math.min(text.length, begin + this.#longest); end > begin; end--) {
      const user = this.#users.get(keyOf(text.slice(begin, end)));
      if (!user) continue;
      if (isWord(text.slice(begin, end), 'end') && isWord(text.slice(end), 'start')) continue;
      return { user, end };
    }
    return undefined;
  }
}

export function keyOf(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

/** Words go on in these, save in scripts that put no space between words. */
const WORD = String.raw`(?:(?![\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}])[\p{L}\p{Nd}\p{M}])`;
const WORD_START = new RegExp(`^${WORD}`, 'u');
const WORD_END = new RegExp(`${WORD}$`, 'u');

function isWord(text: string, where: 'start' | 'end'): boolean {
  return where === 'start' ? WORD_START.test(text.slice(0, 2)) : WORD_END.test(text.slice(-2));
}

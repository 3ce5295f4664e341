import { Lexer, Tokenizer, type Token, type Tokens } from 'marked';

/** What a text becomes: a tree that components turn into elements one by one, so that nothing in it can be markup. */
export type Block =
  | { type: 'paragraph'; children: Inline[] }
  | { type: 'quote'; children: Block[] }
  | { type: 'list'; isOrdered: boolean; start: number; items: Block[][] }
  | { type: 'code'; text: string };

export type Inline =
  | { type: 'text'; text: string }
  | { type: 'strong' | 'em' | 'del'; children: Inline[] }
  | { type: 'code'; text: string }
  | { type: 'link'; href: string; children: Inline[] }
  | { type: 'break' };

/** Quotes, lists and emphasis within one another go no deeper: what would is text. */
const DEPTH_LIMIT = 8;
/** Longer texts are shown as they were written: what a parser does with them takes too long to be typed against. */
const LENGTH_LIMIT = 20_000;

/** Bold, italic, strike, code, lists, quotes and links; all else that Markdown knows is left as it was written. */
export function parseMarkdown(text: string): Block[] {
  const plain: Block[] = [{ type: 'paragraph', children: lines(text) }];
  if (text.length > LENGTH_LIMIT) return plain;
  try {
    const blocks = toBlocks(new Lexer({ gfm: true, breaks: true, tokenizer: new Subset() }).lex(text));
    return blocks.length > 0 ? blocks : plain;
  } catch {
    return plain;
  }
}

/** The address of a link where it is one to follow: http, https or mailto. */
export function safeHref(href: string): string | undefined {
  if (!URL.canParse(href)) return undefined;
  const url = new URL(href);
  return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : undefined;
}

/** The first line, without the marks: for a quote, a list of results, or those who listen. */
export function summaryOf(text: string, length = 160): string {
  const whole = plainText(parseMarkdown(text.slice(0, length * 4))).trim();
  return whole.length > length ? `${whole.slice(0, length).trimEnd()}…` : whole;
}

class Subset extends Tokenizer {
  #depth = 0;

  override blockquote = (src: string): Tokens.Blockquote | undefined => this.#deeper(() => super.blockquote(src));
  override list = (src: string): Tokens.List | undefined => this.#deeper(() => super.list(src));
  override link = (src: string): Tokens.Link | Tokens.Image | undefined => this.#deeper(() => super.link(src));
  override del = (src: string, masked: string, before?: string): Tokens.Del | undefined =>
    this.#deeper(() => super.del(src, masked, before));
  override emStrong = (src: string, masked: string, before?: string): Tokens.Em | Tokens.Strong | undefined =>
    this.#deeper(() => super.emStrong(src, masked, before));

  override code = nothing;
  override heading = nothing;
  override lheading = nothing;
  override hr = nothing;
  override html = nothing;
  override def = nothing;
  override table = nothing;
  override tag = nothing;
  override reflink = nothing;

  #deeper<T>(tokenize: () => T | undefined): T | undefined {
    if (this.#depth >= DEPTH_LIMIT) return undefined;
    this.#depth++;
    try {
      return tokenize();
    } finally {
      this.#depth--;
    }
  }
}

function nothing(): undefined {
  return undefined;
}

function toBlocks(tokens: readonly Token[]): Block[] {
  return tokens.flatMap((token): Block[] => {
    switch (token.type) {
      case 'space':
        return [];
      case 'code':
        return [{ type: 'code', text: (token as Tokens.Code).text }];
      case 'blockquote':
        return [{ type: 'quote', children: toBlocks((token as Tokens.Blockquote).tokens) }];
      case 'list': {
        const { ordered, start, items } = token as Tokens.List;
        const list = items.map((item) => toBlocks(item.tokens));
        return [{ type: 'list', isOrdered: ordered, start: typeof start === 'number' ? start : 1, items: list }];
      }
      case 'checkbox':
        return [{ type: 'paragraph', children: [checkbox(token)] }];
      default:
        return [{ type: 'paragraph', children: inlineOf(token) }];
    }
  });
}

function toInline(tokens: readonly Token[]): Inline[] {
  return tokens.flatMap((token): Inline[] => {
    switch (token.type) {
      case 'strong':
      case 'em':
      case 'del':
        return [{ type: token.type, children: inlineOf(token) }];
      case 'codespan':
        return [{ type: 'code', text: (token as Tokens.Codespan).text }];
      case 'br':
        return [{ type: 'break' }];
      case 'checkbox':
        return [checkbox(token)];
      case 'link':
      case 'image': {
        const href = safeHref((token as Tokens.Link).href);
        // What cannot be followed is shown as it was written, so that nobody is led astray.
        if (href === undefined) return lines(token.raw);
        return [{ type: 'link', href, children: inlineOf(token) }];
      }
      default:
        return inlineOf(token);
    }
  });
}

function checkbox(token: Token): Inline {
  return { type: 'text', text: 'checked' in token && token.checked === true ? '☑ ' : '☐ ' };
}

function inlineOf(token: Token): Inline[] {
  if ('tokens' in token && token.tokens && token.tokens.length > 0) return toInline(token.tokens);
  return lines('text' in token && typeof token.text === 'string' ? token.text : token.raw);
}

/** Text as it was written, line by line. */
function lines(text: string): Inline[] {
  return text.split('\n').flatMap((line, i): Inline[] => {
    const written: Inline[] = line === '' ? [] : [{ type: 'text', text: line }];
    return i === 0 ? written : [{ type: 'break' }, ...written];
  });
}

function plainText(blocks: readonly Block[]): string {
  return blocks
    .map((block) => {
      switch (block.type) {
        case 'paragraph':
          return inlineText(block.children);
        case 'quote':
          return plainText(block.children);
        case 'list':
          return block.items.map(plainText).join(' ');
        case 'code':
          return block.text.replace(/\s+/g, ' ');
      }
    })
    .join(' ');
}

function inlineText(children: readonly Inline[]): string {
  return children
    .map((child) => {
      if (child.type === 'break') return ' ';
      return 'children' in child ? inlineText(child.children) : child.text;
    })
    .join('');
}

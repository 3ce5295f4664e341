import { describe, expect, it } from 'vitest';
import { parseMarkdown, safeHref, summaryOf, type Block, type Inline } from '../src/lib/markdown';

/** The tree in a line: tags around text. */
const inline = (children: readonly Inline[]): string =>
  children
    .map((child) => {
      if (child.type === 'text') return child.text;
      if (child.type === 'break') return '/';
      if (child.type === 'link') return `<a ${child.href}>${inline(child.children)}</a>`;
      return `<${child.type}>${'children' in child ? inline(child.children) : child.text}</${child.type}>`;
    })
    .join('');
const block = (item: Block): string => {
  if (item.type === 'paragraph') return inline(item.children);
  if (item.type === 'code') return `<pre>${item.text}</pre>`;
  if (item.type === 'quote') return `<quote>${item.children.map(block).join('|')}</quote>`;
  const items = item.items.map((blocks) => `<li>${blocks.map(block).join('|')}</li>`).join('');
  return `<${item.isOrdered ? `ol ${item.start}` : 'ul'}>${items}</list>`;
};
const shown = (text: string): string => parseMarkdown(text).map(block).join('|');

describe('what people write', () => {
  it.each([
    ['plain', 'plain'],
    ['two\nlines', 'two/lines'],
    ['a\n\nb', 'a|b'],
    ['**bold** *italic* _too_ ~~gone~~ `code`', '<strong>bold</strong> <em>italic</em> <em>too</em> <del>gone</del> <code>code</code>'],
    ['**bold *both***', '<strong>bold <em>both</em></strong>'],
    ['snake_case_name 2*3*4', 'snake_case_name 2<em>3</em>4'],
    ['```\nlet a = "<b>";\n\n  b\n```', '<pre>let a = "<b>";\n\n  b</pre>'],
    ['- one\n- two', '<ul><li>one</li><li>two</li></list>'],
    ['3. one\n4. two', '<ol 3><li>one</li><li>two</li></list>'],
    ['> said\n\nanswered', '<quote>said</quote>|answered'],
    ['[x] no link', '[x] no link'],
    ['[here](https://example.org/a)', '<a https://example.org/a>here</a>'],
    ['see https://example.org/a_b_c.', 'see <a https://example.org/a_b_c>https://example.org/a_b_c</a>.'],
    ['<https://example.org/>', '<a https://example.org/>https://example.org/</a>'],
    ['ann@example.org', '<a mailto:ann@example.org>ann@example.org</a>'],
    ['# no heading', '# no heading'],
    ['a | b\n--|--\n1 | 2', 'a | b/--|--/1 | 2'],
    ['a\n---', 'a/---'],
    ['    indented', 'indented'],
    ['[a]: https://example.org', '[a]: <a https://example.org/>https://example.org</a>'],
    ['&lt;b&gt; &amp;', '&lt;b&gt; &amp;'],
    ['\\*not bold\\*', '*not bold*'],
    ['', ''],
  ])('%j becomes %j', (text, expected) => {
    expect(shown(text).trim()).toBe(expected);
  });
});

describe('what attackers write', () => {
  it.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<a href="javascript:alert(1)">x</a>',
    '<!-- x -->',
    '<div>\n\n**x**\n\n</div>',
  ])('%j has no elements but those of the text around it', (text) => {
    expect(shown(text)).toContain(text.split('\n')[0]);
  });

  it.each([
    '[x](javascript:alert(1))',
    '[x](JaVaScRiPt:alert(1))',
    '[x](java\tscript:alert(1))',
    '[x](&#106;avascript:alert(1))',
    '[x](data:text/html,<script>alert(1)</script>)',
    '[x](vbscript:x)',
    '[x](file:///etc/passwd)',
    '[x](blob:https://example.org/a)',
    '[x](/relative)',
    '![x](javascript:alert(1))',
    '<javascript:alert(1)>',
    '<data:text/html,x>',
  ])('%j is no link', (text) => {
    expect(shown(text)).not.toContain('<a ');
    expect(shown(text)).toBe(text);
  });

  it('an image is a link to it, and nothing is fetched', () => {
    expect(shown('![cat](https://example.org/cat.png)')).toBe('<a https://example.org/cat.png>cat</a>');
  });

  it('goes no deeper than a bound, however deep it was written', () => {
    const depth = (blocks: readonly Block[]): number =>
      Math.max(
        0,
        ...blocks.map((item) => {
          if (item.type === 'quote') return 1 + depth(item.children);
          return item.type === 'list' ? 1 + Math.max(...item.items.map(depth)) : 0;
        }),
      );
    for (const text of ['>'.repeat(5_000), '- '.repeat(5_000), '> - '.repeat(2_000), '*_'.repeat(5_000), '['.repeat(9_000)]) {
      expect(depth(parseMarkdown(`${text} x`))).toBeLessThanOrEqual(8);
    }
  });

  it('shows what is too long to be parsed as it was written', () => {
    const text = `**${'a'.repeat(30_000)}**`;
    expect(shown(text)).toBe(text);
  });
});

it('only follows links of the web and mail', () => {
  expect(safeHref('https://example.org')).toBe('https://example.org/');
  expect(safeHref('mailto:a@example.org')).toBe('mailto:a@example.org');
  for (const href of ['javascript:1', ' javascript:1', 'data:,x', 'example.org', '//example.org', '']) {
    expect(safeHref(href)).toBeUndefined();
  }
});

it('says in a line what a text is about', () => {
  expect(summaryOf('> **Yes**,\n> `we` [can](https://example.org)')).toBe('Yes, we can');
  expect(summaryOf('a'.repeat(500), 10)).toBe(`${'a'.repeat(10)}…`);
});

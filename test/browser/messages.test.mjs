// What one can do with a message, by pointer and by keyboard, as everybody sees it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { open } from '../control.mjs'
import { Person, launch, until } from './chat.mjs'
import { ask, fill } from './fill.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

const two = async (server) => Promise.all([
  Person.enter(browser, server.url, 'Ann Lee'),
  Person.enter(browser, server.url, 'Ben'),
])

test('a message is edited, reacted to and deleted, for everyone, and stays so', async () => {
  const server = await open()
  const [ann, ben] = await two(server)
  await ann.say('first')
  await ann.say('helo')
  await ben.sees('helo')

  // By pointer.
  await ann.tool('helo', 'edit')
  await ann.at('edit-box').fill('hello')
  await ann.at('edit-save').click()
  await ben.sees('hello')
  await ben.line('hello').getByTestId('edited').waitFor()
  assert.deepEqual(await ben.texts(), ['first', 'hello'], 'the edit itself is no line')

  // By keyboard, one's last: and Esc leaves it as it is.
  await ann.at('composer').press('ArrowUp')
  await ann.at('edit-box').fill('no')
  await ann.at('edit-box').press('Escape')
  await ann.at('edit-box').waitFor({ state: 'detached' })
  await ann.sees('hello')

  // A reaction, by a picker that is searched; another person adds to it, and takes it away.
  await ben.tool('hello', 'react')
  await ben.at('emoji-search').fill('tada')
  await ben.at('emoji-search').press('Enter')
  const chip = (person) => person.line('hello').getByTestId('reaction')
  await chip(ann).and(ann.page.locator('[data-emoji="🎉"][aria-pressed=false]')).click()
  await until('both are counted', async () => (await chip(ben).textContent()).includes('2'))
  assert.match(await chip(ben).getAttribute('aria-label'), /^tada, 2: Ben, Ann Lee$/)
  await chip(ann).and(ann.page.locator('[aria-pressed=true]')).click()
  await until('one is left', async () => (await chip(ben).textContent()).includes('1'))

  // Ben cannot change what is Ann's.
  await ben.pointAt('hello')
  assert.equal(await ben.at('tools').getByTestId('edit').count(), 0)
  assert.equal(await ben.at('tools').getByTestId('delete').count(), 0)

  // What was folded comes folded, also to who comes later.
  await ann.page.reload()
  await ann.online()
  await ann.sees('hello')
  assert.equal(await chip(ann).getAttribute('aria-pressed'), 'false')

  // Deleted by keyboard, once it is confirmed.
  await ann.line('hello').focus()
  await ann.page.keyboard.press('Delete')
  await ann.at('delete-cancel').click()
  await ann.line('hello').focus()
  await ann.page.keyboard.press('Delete')
  await ann.page.keyboard.press('Enter')
  for (const person of [ann, ben]) {
    await person.at('deleted').waitFor()
    await person.line('hello').waitFor({ state: 'detached' })
    assert.equal(await person.at('reaction').count(), 0)
    await person.leave()
  }
})

test('a change made without a connection is kept and sent, and one that is refused says why', async () => {
  const server = await open()
  const [ann, ben] = await two(server)
  await ann.say('one')
  await ann.say('two')
  await ben.sees('two')
  await server.cut()
  await ann.offline()
  await ann.tool('one', 'edit')
  await ann.at('edit-box').fill('one, changed')
  await ann.at('edit-box').press('Enter')
  await ann.line('one, changed').and(ann.page.locator('[data-state=sending]')).waitFor()
  // What is on the screen at once is on disk a moment later: before that, a reload would lose it.
  await until('it is stored', () => ann.page.evaluate(() => new Promise((resolve, reject) => {
    const opening = indexedDB.open('parley')
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const counting = opening.result.transaction('outbox').objectStore('outbox').count()
      counting.onsuccess = () => {
        opening.result.close()
        resolve(counting.result > 0)
      }
    }
  })))
  await server.restore()
  await ann.page.reload()
  await ann.online()
  await ann.sent('one, changed')
  await ben.sees('one, changed')

  // Deleted on another device while this one, cut off, edits it.
  await server.cut()
  await ann.offline()
  await ann.tool('two', 'edit')
  await ann.at('edit-box').fill('too late')
  await ann.at('edit-box').press('Enter')
  await ann.line('too late').waitFor()
  const { secret } = await ann.page.evaluate(() => JSON.parse(localStorage.getItem('parley.session')))
  await ask(server.direct, { session: secret }, [{ type: 'join', room: 'lobby' }, { type: 'publish', room: 'lobby', id: 'd', kind: 'delete', target: 2 }])
  await server.restore()
  await ann.online()
  await ann.at('deleted').waitFor()
  await ann.at('failure').getByText(/^The change was not saved\. .+/).waitFor()
  await ann.at('discard').click()
  await ann.at('failure').waitFor({ state: 'detached' })
  await ann.leave()
  await ben.leave()
})

test('arrows go through the messages, letters act on the one in focus, Esc leads back', async () => {
  const server = await open()
  const [ann, ben] = await two(server)
  for (const text of ['one', 'two', 'three']) await ann.say(text)
  await ben.sees('three')
  const focused = () => ben.page.evaluate(() => document.activeElement.closest('[data-testid=message]')?.querySelector('[data-testid=message-text]')?.textContent.trim())
  await ben.at('log').focus()
  await ben.page.keyboard.press('ArrowUp')
  assert.equal(await focused(), 'three')
  await ben.page.keyboard.press('ArrowUp')
  await ben.page.keyboard.press('ArrowUp')
  assert.equal(await focused(), 'one')
  await ben.page.keyboard.press('ArrowDown')
  assert.equal(await focused(), 'two')

  // + reacts, and the focus comes back to the message.
  await ben.page.keyboard.press('+')
  await ben.at('emoji-search').waitFor()
  await ben.page.keyboard.press('ArrowDown')
  await ben.page.keyboard.press('ArrowRight')
  await ben.page.keyboard.press('Enter')
  await ann.line('two').getByTestId('reaction').waitFor()
  await until('the message is in focus again', async () => (await focused()) === 'two')

  // r answers: the quote leads to what it quotes.
  await ben.page.keyboard.press('r')
  await ben.at('replying').getByText('Ann Lee').waitFor()
  await ben.say('an answer')
  await ann.sees('an answer')
  await ann.line('an answer').getByTestId('quote').getByText('two').waitFor()
  await ann.line('an answer').getByTestId('quote').click()
  await ann.line('two').and(ann.page.locator('[data-highlighted]')).waitFor()

  await ben.line('one').focus()
  await ben.page.keyboard.press('Escape')
  assert.ok(await ben.at('composer').evaluate((field) => field === document.activeElement), 'Esc leads to the composer')
  await ann.leave()
  await ben.leave()
})

test('a link to a message opens it amid its surroundings, and there is a way back', async () => {
  const server = await open()
  await fill(server.url, 'Writer', 'tea', Array.from({ length: 600 }, (_, i) => `line ${i + 1}`))
  const ann = await Person.open(browser, `${server.url}/#room=tea&seq=120`)
  await ann.at('name-input').fill('Ann')
  await ann.at('enter').click()
  await ann.online()
  const target = ann.line('line 120').and(ann.page.locator('[data-highlighted]'))
  await target.waitFor()
  const inView = (line) => line.evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect()
    const log = element.closest('[data-testid=log]').getBoundingClientRect()
    return top >= log.top && bottom <= log.bottom
  })
  await until('it is in view', () => inView(target))
  const lines = (await ann.lines()).map((line) => line.seq)
  assert.ok(lines.includes(110) && lines.includes(130), 'with its surroundings')
  assert.ok(!lines.includes(600), 'and not with all there is')

  // What is said meanwhile does not disturb, and is found at the end.
  await fill(server.url, 'Interrupter', 'tea', ['news'])
  await ann.at('jump-latest').getByText(/new/).waitFor()
  assert.ok(await inView(target))
  await ann.at('jump-latest').click()
  await until('the news is in view', async () => (await ann.line('news').count()) > 0 && inView(ann.line('news')))

  // Scrolling down from an excerpt reaches the end, without holes.
  await ann.page.evaluate(() => { location.hash = '#room=tea&seq=300' })
  await ann.line('line 300').and(ann.page.locator('[data-highlighted]')).waitFor()
  const seen = new Set()
  const box = await ann.at('log').boundingBox()
  await ann.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  await until('the end is reached', async () => {
    for (const { seq } of await ann.lines()) seen.add(seq)
    await ann.page.mouse.wheel(0, 900)
    return seen.has(601)
  })
  for (let seq = 300; seq <= 601; seq++) assert.ok(seen.has(seq), `${seq} was shown`)
  await ann.leave()
})

test('a copied link leads to the message', async () => {
  const server = await open()
  const ann = await Person.enter(browser, server.url, 'Ann', { permissions: ['clipboard-read', 'clipboard-write'] })
  await ann.say('come here')
  await ann.tool('come here', 'copy-link')
  let link = ''
  await until('it is copied', async () => (link = await ann.page.evaluate(() => navigator.clipboard.readText())) !== '')
  assert.equal(link, `${server.url}/#room=lobby&seq=1`)
  await ann.leave()
})

test('what is written is set as Markdown, and links are opened safely', async () => {
  const server = await open()
  const [ann, ben] = await two(server)
  await ann.at('composer').fill('**bold** *italic* ~~gone~~ `code` [site](https://example.org/a) [bad](javascript:window.pwned=1)\n- one\n- two\n\n> quoted\n\n```\nlet x\n```\nhello @ann lee and @ben')
  await ann.at('composer').press('Enter')
  const text = ben.at('message-text').first()
  await text.locator('pre').waitFor()
  for (const [selector, expected] of [['strong', 'bold'], ['em', 'italic'], ['del', 'gone'], ['code', 'code'], ['blockquote', 'quoted'], ['pre', 'let x'], ['a', 'site']]) {
    assert.equal((await text.locator(selector).textContent()).trim(), expected)
  }
  assert.deepEqual(await text.locator('li').allTextContents().then((items) => items.map((item) => item.trim())), ['one', 'two'])
  const link = text.locator('a')
  assert.equal(await link.getAttribute('href'), 'https://example.org/a')
  assert.equal(await link.getAttribute('target'), '_blank')
  assert.equal(await link.getAttribute('rel'), 'noopener noreferrer nofollow')
  assert.deepEqual(await text.getByTestId('mention').allTextContents(), ['@ann lee', '@ben'])
  assert.equal(await text.locator('.mention.own').textContent(), '@ben')
  await ann.leave()
  await ben.leave()
})

test('the composer completes people and emoji, keeps drafts, and knows what Enter means', async () => {
  const server = await open()
  const [ann, ben] = await two(server)
  const composer = ben.at('composer')
  await ben.at('people').getByText('Ann Lee').waitFor()

  await composer.pressSequentially('hi @le')
  await ben.at('completion').getByText('Ann Lee').waitFor()
  await composer.press('Enter')
  assert.equal(await composer.inputValue(), 'hi @Ann Lee ')
  await composer.pressSequentially(':tad')
  await ben.at('completion').first().waitFor()
  await composer.press('Tab')
  assert.equal(await composer.inputValue(), 'hi @Ann Lee 🎉 ')
  await composer.press('Shift+Enter')
  await composer.pressSequentially('second line')
  const height = await composer.evaluate((field) => field.clientHeight)
  assert.ok(height > 40, 'it grows')

  // The Enter that ends a composition does not send.
  await composer.dispatchEvent('keydown', { key: 'Enter', isComposing: true })
  await composer.dispatchEvent('keydown', { key: 'Enter', keyCode: 229 })
  assert.equal(await ben.at('message').count(), 0)

  // A draft stays with its room, over a reload.
  await ben.at('room-input').fill('kitchen')
  await ben.at('room-input').press('Enter')
  await ben.page.locator('[data-room=kitchen][aria-current]').waitFor()
  assert.equal(await composer.inputValue(), '')
  await ben.page.reload()
  await ben.online()
  await ben.room('lobby').click()
  await until('the draft is there', async () => (await composer.inputValue()).endsWith('second line'))
  await composer.press('Enter')
  await ann.at('message-text').getByText('second line').waitFor()
  await ann.at('mention').getByText('@Ann Lee').waitFor()
  await ben.page.reload()
  await ben.online()
  assert.equal(await composer.inputValue(), '', 'what was sent is no draft any more')

  // Ann is told in the sidebar that she is meant, in a room that she does not look at.
  await ann.at('room-input').fill('elsewhere')
  await ann.at('room-input').press('Enter')
  await ann.page.locator('[data-room=elsewhere][aria-current]').waitFor()
  await ben.say('@Ann Lee come back')
  await ann.room('lobby').getByTestId('unread').and(ann.page.locator('[data-mentions="1"]')).waitFor()
  await ann.leave()
  await ben.leave()
})

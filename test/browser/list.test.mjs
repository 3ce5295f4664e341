// A room with 10,000 messages, and what one has read.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { open } from '../control.mjs'
import { Person, launch, until } from './chat.mjs'
import { fill } from './fill.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

const COUNT = 10_000
const NODES = 200

test('10,000 messages scroll both ways, with few of them on the page, and nothing jumps', async () => {
  const server = await open()
  await fill(server.direct, 'Writer', 'lobby', Array.from({ length: COUNT }, (_, i) => (i % 7 === 0 ? `line ${i + 1}\nof\nfour\nrows` : `line ${i + 1}`)))
  const ann = await Person.enter(browser, server.direct, 'Ann')
  await ann.page.locator(`[data-testid=message][data-seq="${COUNT}"]`).waitFor()

  // Scrolls in steps on the page itself, waiting for the page to settle after each: whatever is in view before a step
  // has to be where the step leaves it.
  const scroll = (by, goal) => ann.page.evaluate(async ({ by, goal }) => {
    const log = document.querySelector('[data-testid=log]')
    const settled = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
    const rows = () => [...log.querySelectorAll('[data-testid=message]')]
    const seen = new Set()
    let [most, worst] = [0, 0]
    const end = Date.now() + 120_000
    while (Date.now() < end) {
      const shown = rows()
      most = Math.max(most, shown.length)
      for (const row of shown) seen.add(Number(row.dataset.seq))
      const frame = log.getBoundingClientRect()
      if (shown.some((row) => Number(row.dataset.seq) === goal && row.getBoundingClientRect().bottom > frame.top - 1 && row.getBoundingClientRect().top < frame.bottom + 1)) break
      const middle = shown.find((row) => row.getBoundingClientRect().bottom > frame.top + frame.height / 2) ?? shown.at(-1)
      const before = middle.getBoundingClientRect().top
      const room = by < 0 ? log.scrollTop : log.scrollHeight - log.clientHeight - log.scrollTop
      const step = Math.sign(by) * Math.min(Math.abs(by), room)
      log.scrollTop += step
      await settled()
      if (middle.isConnected) worst = Math.max(worst, Math.abs(before - step - middle.getBoundingClientRect().top))
    }
    return { most, worst, seen: seen.size }
  }, { by, goal })

  const up = await scroll(-1500, 1)
  assert.equal(up.seen, COUNT, 'every message was shown on the way up')
  assert.ok(up.most <= NODES, `${up.most} messages on the page`)
  assert.ok(up.worst <= 2, `what is in view jumped by ${up.worst} px on the way up`)
  const down = await scroll(1500, COUNT)
  assert.equal(down.seen, COUNT, 'every message was shown on the way down')
  assert.ok(down.most <= NODES, `${down.most} messages on the page`)
  assert.ok(down.worst <= 2, `what is in view jumped by ${down.worst} px on the way down`)
  await ann.leave()
})

test('what is unread is counted, divided off, and read in all tabs at once', async () => {
  const server = await open()
  const ann = await Person.enter(browser, server.url, 'Ann')
  const ben = await Person.enter(browser, server.url, 'Ben')
  await ann.say('seen')
  await ben.sees('seen')
  await ben.at('room-input').fill('kitchen')
  await ben.at('room-input').press('Enter')
  await ben.page.locator('[data-room=kitchen][aria-current]').waitFor()
  const tab = await ben.tab(`${server.url}/#kitchen`)
  await tab.online()
  for (const text of ['one', 'two', '@Ben three']) await ann.say(text)
  for (const page of [ben, tab]) {
    const badge = page.room('lobby').getByTestId('unread')
    await until('three are unread', async () => (await badge.count()) === 1 && (await badge.textContent()).startsWith('3'))
    await until('one of them is for Ben', async () => (await badge.getAttribute('data-mentions')) === '1')
  }
  assert.match(await ben.page.title(), /^\(3\)/)
  await ben.room('lobby').click()
  await ben.sees('one')
  await ben.at('new').waitFor()
  await ben.at('day').first().waitFor()
  assert.match(await ben.at('log').innerText(), /seen[^]*New[^]*one/, 'the divider is before what is new')
  for (const page of [ben, tab]) await page.room('lobby').getByTestId('unread').waitFor({ state: 'detached' })
  await tab.page.reload()
  await tab.online()
  await tab.room('kitchen').waitFor()
  assert.equal(await tab.room('lobby').getByTestId('unread').count(), 0, 'it stays read')
  assert.deepEqual(tab.faults, [])
  await ann.leave()
  await ben.leave()
})

// A network that goes without a word, in a file of its own: the heartbeat takes
// its time, in which the other files run.
import { after, before, test } from 'node:test'
import { open } from '../control.mjs'
import { Person, assertSame, launch } from './chat.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

test('the network falls silent without a word: the page finds out and comes back', async () => {
  const server = await open()
  const ann = await Person.enter(browser, server.url, 'Ann')
  await ann.say('before')
  await server.stall()
  await ann.write('into the silence')
  // The heartbeat's interval and timeout make 35 s by default.
  await ann.page
    .locator('[data-testid=connection]:not([data-state=online])')
    .waitFor({ state: 'attached', timeout: 90_000 })
  await server.cut() // what was stalled is lost, not late
  await server.restore()
  await ann.online()
  await ann.sent('into the silence')
  await assertSame([ann], ['before', 'into the silence'])
  await ann.leave()
})

// Networks that let no WebSocket through: the page goes on by polling, and
// comes back to a WebSocket when it can.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { open } from '../control.mjs'
import { Person, assertSame, launch, until } from './chat.mjs'
import { fill } from './fill.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

/** What a page does on the network: WebSockets tried, those that brought a word, polls, and loads of what polls. */
function watch({ page }) {
  const seen = { tried: 0, answered: 0, polls: 0, loads: 0 }
  page.on('websocket', (socket) => {
    seen.tried++
    socket.once('framereceived', () => seen.answered++)
  })
  page.on('request', (request) => {
    const { pathname } = new URL(request.url())
    if (pathname === '/socket.io/') seen.polls++
    if (pathname.startsWith('/assets/socketio-transport-')) seen.loads++
  })
  return seen
}

/** A person behind a gate, who is online. Finding out that no WebSocket gets through takes its time where the gate says nothing. */
async function behind(gate, name) {
  const person = await Person.blank(browser)
  const seen = watch(person)
  await person.page.goto(gate.url)
  await person.enter(name)
  await person.at('composer').waitFor({ timeout: 90_000 })
  await person.online()
  return [person, seen]
}

test('behind a proxy that refuses upgrades one chats by polling; once it lets go, by WebSocket', async () => {
  const server = await open()
  const early = Array.from({ length: 60 }, (_, i) => `line ${i}`)
  await fill(server.url, 'Eve', 'lobby', early)
  const gate = await server.gate('403')
  const ben = await Person.enter(browser, server.url, 'Ben')
  const [ann, seen] = await behind(gate, 'Ann')
  await ann.at('people').getByText('Ben').waitFor()
  await ben.at('people').getByText('Ann').waitFor()

  await ann.say('by polling')
  await ben.sees('by polling')
  await ben.say('by WebSocket')
  await ann.sees('by WebSocket')
  for (const [writer, reader, name] of [[ann, ben, 'Ann'], [ben, ann, 'Ben']]) {
    await writer.at('composer').pressSequentially('hm')
    await reader.at('typing').getByText(name).waitFor()
    await writer.at('composer').fill('')
  }
  for (const person of [ann, ben]) {
    await until('all that was said before', async () => {
      await person.at('log').evaluate((log) => { log.scrollTop = 0 })
      return await person.line('line 0').isVisible()
    })
  }
  await assertSame([ann, ben], [...early, 'by polling', 'by WebSocket'])

  await server.stop()
  await Promise.all([ann.offline(), ben.offline()])
  await ann.write('written while the server was away')
  await server.start()
  await Promise.all([ann.online(), ben.online()])
  await ann.sent('written while the server was away')
  await ben.sees('written while the server was away')
  await ben.say('welcome back')
  await ann.sees('welcome back')
  assert.equal(seen.answered, 0, 'no WebSocket brought a word')
  assert.equal(seen.loads, 1, 'what polls is loaded once')
  assert.equal((await server.seen()).passed, 0)

  await server.gate('pass')
  // Once is enough, unless the machine is so busy that a WebSocket takes seconds to open.
  await until('a WebSocket takes over', async () => {
    await server.cut()
    await Promise.all([ann.offline(), ben.offline()])
    await server.restore()
    await Promise.all([ann.online(), ben.online()])
    return seen.answered > 0
  })
  const { polls } = seen
  await ann.say('by WebSocket at last')
  await ben.sees('by WebSocket at last')
  await ben.say('so I see')
  await ann.sees('so I see')
  assert.equal(seen.polls, polls, 'nothing is polled any more')
  assert.ok((await server.seen()).passed > 0)
  const said = ['by polling', 'by WebSocket', 'written while the server was away', 'welcome back', 'by WebSocket at last', 'so I see']
  await assertSame([ann, ben], [...early, ...said])
  await ann.leave()
  await ben.leave()
})

for (const upgrades of ['400', '502', 'hang', 'swallow']) {
  test(`behind a proxy that answers upgrades with "${upgrades}" one chats by polling`, async () => {
    const server = await open()
    const gate = await server.gate(upgrades)
    const ben = await Person.enter(browser, server.url, 'Ben')
    const [ann, seen] = await behind(gate, 'Ann')
    await ann.say('hello')
    await ben.sees('hello')
    await ben.say('hello yourself')
    await ann.sees('hello yourself')
    await assertSame([ann, ben], ['hello', 'hello yourself'])
    assert.deepEqual([seen.answered, seen.loads], [0, 1])
    const { passed, stopped, polls } = await server.seen()
    assert.ok(passed === 0 && stopped >= 2 && polls > 0, JSON.stringify({ passed, stopped, polls }))
    await ann.leave()
    await ben.leave()
  })
}

test('who is signed in by cookie is so by polling as well, and told when they are not any more', async () => {
  const server = await open({ accounts: true })
  const gate = await server.gate('403')
  const ann = await Person.open(browser, gate.url + new URL(server.setup).hash)
  const seen = watch(ann)
  await ann.signIn('Ann', 'correct horse')
  await ann.online()
  await ann.say('signed in')
  await ann.page.reload()
  await ann.online()
  await ann.sees('signed in')
  const other = await ann.tab(gate.url)
  await other.online()
  await other.at('open-account').click()
  await other.at('sign-out-here').click()
  for (const tab of [other, ann]) await tab.at('account-name').waitFor()
  assert.equal(seen.answered, 0)
  await ann.leave()
})

test('where what polls cannot be loaded, the page says what to do', async () => {
  const server = await open()
  const gate = await server.gate('pass')
  const [ann] = await behind(gate, 'Ann')
  await ann.say('before')
  await ann.page.route('**/assets/socketio-transport-*', (route) => route.abort())
  await server.gate('403')
  await server.cut()
  await ann.offline()
  await server.restore()
  await ann.page.locator('[data-testid=connection][title*="Reload the page"]').waitFor({ state: 'attached' })
  await ann.page.unroute('**/assets/socketio-transport-*')
  await ann.page.reload()
  await ann.online()
  await ann.say('after')
  await ann.leave()
})

test('a server that is away is not taken for a network that lets no WebSocket through', async () => {
  const server = await open()
  const gate = await server.gate('pass')
  const [ann, seen] = await behind(gate, 'Ann')
  await ann.say('before')
  await server.kill()
  const { tried } = seen
  await until('several attempts', () => seen.tried >= tried + 4)
  await server.start()
  await ann.online()
  await ann.say('after')
  assert.equal(seen.answered, 2)
  assert.deepEqual([seen.polls, seen.loads], [0, 0])
  await ann.leave()
})

// Two people in two browsers talk, across everything that a network and a
// server can do to them.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { open } from '../control.mjs'
import { Person, assertSame, launch, until } from './chat.mjs'
import { fill } from './fill.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

test('two people talk: each line arrives in both, once, in the same order', async () => {
  const server = await open()
  const ann = await Person.enter(browser, server.url, 'Ann')
  const ben = await Person.enter(browser, server.url, 'Ben')
  await ann.at('people').getByText('Ben').waitFor()
  await ben.at('people').getByText('Ann').waitFor()

  await ann.at('composer').pressSequentially('hm')
  await ben.at('typing').getByText('Ann').waitFor()
  await ann.at('composer').fill('')

  const said = []
  for (let i = 0; i < 10; i++) {
    said.push(`Ann says ${i}`, `Ben says ${i}`)
    await Promise.all([ann.write(`Ann says ${i}`), ben.write(`Ben says ${i}`)])
  }
  for (const text of said) {
    await ann.sent(text)
    await ben.sent(text)
  }
  await assertSame([ann, ben], said)
  assert.equal(await ben.line('Ann says 3').getByTestId('message-author').count() <= 1, true)
  await ann.leave()
  await ben.at('people').getByText('Ann').waitFor({ state: 'detached' })
  await ben.leave()
})

test('the server dies by kill -9 in the middle of a conversation and comes back', async () => {
  const server = await open()
  const ann = await Person.enter(browser, server.url, 'Ann')
  const ben = await Person.enter(browser, server.url, 'Ben')
  await ann.say('before')
  await ben.sees('before')

  await server.kill()
  await Promise.all([ann.offline(), ben.offline()])
  await ann.write('written while the server was dead')
  const unsent = ann.line('written while the server was dead')
  await unsent.waitFor()
  assert.notEqual(await unsent.getAttribute('data-state'), 'sent', 'unsent is shown as unsent')
  await ann.at('countdown').first().waitFor()

  await server.start()
  await ann.at('reconnect-now').click({ timeout: 3000 }).catch(() => {}) // it may have come back by itself
  await Promise.all([ann.online(), ben.online()])
  await ann.sent('written while the server was dead')
  await ben.sees('written while the server was dead')
  await ben.say('after')
  await ann.sees('after')
  await assertSame([ann, ben], ['before', 'written while the server was dead', 'after'])
  await ann.leave()
  await ben.leave()
})

test('the server dies again and again while both write', async () => {
  const server = await open()
  const ann = await Person.enter(browser, server.url, 'Ann')
  const ben = await Person.enter(browser, server.url, 'Ben')
  const said = []
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 5; i++) {
      said.push(`a${round}.${i}`, `b${round}.${i}`)
      await Promise.all([ann.write(`a${round}.${i}`), ben.write(`b${round}.${i}`)])
      if (i === 2) await server.kill()
    }
    await server.start()
    await Promise.all([ann.online(), ben.online()])
  }
  await until('all is sent and seen', async () => {
    for (const person of [ann, ben]) {
      const lines = await person.lines()
      if (lines.length < said.length || lines.some((line) => line.state !== 'sent')) return false
    }
    return true
  })
  await assertSame([ann, ben], said)
  for (const [person, initial] of [[ann, 'a'], [ben, 'b']]) {
    const own = (await person.texts()).filter((text) => text[0] === initial)
    assert.deepEqual(own, said.filter((text) => text[0] === initial), 'their own lines stand as they were written')
    await person.leave()
  }
})

test('the connection is cut and restored', async () => {
  const server = await open()
  const ann = await Person.enter(browser, server.url, 'Ann')
  const ben = await Person.enter(browser, server.direct, 'Ben')
  await ann.say('before')
  await ben.sees('before')

  await server.cut()
  await ann.offline()
  const meanwhile = ['Ben, one', 'Ben, two', 'Ben, three']
  for (const text of meanwhile) await ben.say(text)
  await ann.write('Ann, cut off')
  await ann.write('Ann, still cut off')
  await ann.line('Ann, still cut off').waitFor()
  assert.deepEqual((await ann.lines()).map((line) => line.state === 'sent'), [true, false, false])

  await server.restore()
  await ann.online()
  for (const text of meanwhile) await ann.sees(text)
  await ann.sent('Ann, still cut off')
  await ben.sees('Ann, still cut off')
  await assertSame([ann, ben], ['before', ...meanwhile, 'Ann, cut off', 'Ann, still cut off'])
  assert.deepEqual((await ben.texts()).slice(-2), ['Ann, cut off', 'Ann, still cut off'])
  await ann.leave()
  await ben.leave()
})

test('more is said during an outage than one answer holds: nothing is missing after', async () => {
  const server = await open()
  const ann = await Person.enter(browser, server.url, 'Ann')
  await ann.say('before')
  await server.cut()
  await ann.offline()
  const missed = Array.from({ length: 450 }, (_, i) => `missed ${i + 1}`)
  await fill(server.direct, 'Writer', 'lobby', missed)
  await ann.write('Ann, cut off')
  await server.restore()
  await ann.online()
  await ann.sent('Ann, cut off')
  const seen = new Map()
  const box = await ann.at('log').boundingBox()
  await ann.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  await until('all that was missed is there', async () => {
    for (const { seq, text } of await ann.lines()) seen.set(seq, text)
    await ann.page.mouse.wheel(0, -1000)
    return seen.size === missed.length + 2 && seen.has(1)
  })
  const order = [...seen.keys()].sort((a, b) => a - b).map((seq) => seen.get(seq))
  assert.deepEqual(order, ['before', ...missed, 'Ann, cut off'])
  await ann.leave()
})

test('two tabs of one person, cut off with lines of their own, say each once', async () => {
  const server = await open()
  const ann = await Person.enter(browser, server.url, 'Ann')
  const tab = await ann.tab(server.url)
  await tab.online()
  await ann.say('before')
  await tab.sees('before')
  await server.cut()
  await Promise.all([ann.offline(), tab.offline()])
  const said = ['before']
  for (let i = 0; i < 5; i++) {
    said.push(`one ${i}`, `two ${i}`)
    await ann.write(`one ${i}`)
    await tab.write(`two ${i}`)
  }
  await server.restore()
  await Promise.all([ann.online(), tab.online()])
  for (const person of [ann, tab]) for (const text of said) await person.sent(text)
  await assertSame([ann, tab], said)
  assert.deepEqual(tab.faults, [])
  await ann.leave()
})

test('who writes faster than the server allows has every line sent, once, in order', async () => {
  const server = await open({ rates: 'default' })
  const ann = await Person.enter(browser, server.url, 'Ann')
  const said = Array.from({ length: 90 }, (_, i) => `quick ${i}`)
  for (const text of said) await ann.write(text)
  await until('all is sent', async () => {
    const lines = await ann.lines()
    return lines.length === said.length && lines.every((line) => line.state === 'sent')
  })
  assert.deepEqual(await ann.texts(), said)
  await assertSame([ann], said)
  await ann.leave()
})

test('the server comes back knowing nothing: the page asks for a name again', async () => {
  const server = await open()
  const ann = await Person.enter(browser, server.url, 'Ann')
  for (let i = 0; i < 5; i++) await ann.say(`old ${i}`)
  await server.kill()
  await server.wipe()
  await server.start()
  await ann.at('name-input').waitFor()
  await ann.at('name-input').fill('Ann again')
  await ann.at('enter').click()
  await ann.online()
  await ann.say('new')
  await assertSame([ann], ['new'])
  await ann.leave()
})

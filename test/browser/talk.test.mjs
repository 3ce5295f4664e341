// Two people in two browsers talk, across everything that a network and a
// server can do to them.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { open } from '../control.mjs'
import { Person, assertSame, launch, until } from './chat.mjs'

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

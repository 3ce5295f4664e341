// Each state of the page, light and dark, wide and narrow: no serious fault of accessibility, nothing too wide, and a
// screenshot for people to look at. And what people, rooms and finding look like, with the API answered by a fake.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { open } from '../control.mjs'
import { Person, launch, until } from './chat.mjs'
import { fakeApi } from './fake-api.mjs'
import { ask, fill } from './fill.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

const SHAPES = [
  { name: 'wide', isNarrow: false, viewport: { width: 1280, height: 800 } },
  { name: 'narrow', isNarrow: true, viewport: { width: 390, height: 844 }, hasTouch: true },
]

/** Light and dark: no serious violation, nothing wider than the screen, and a picture of it. */
async function inspect(person, name) {
  for (const colorScheme of ['light', 'dark']) {
    await person.page.emulateMedia({ colorScheme })
    await inspectOne(person, `${name}-${colorScheme}`)
  }
}

async function inspectOne(person, name) {
  await person.page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))))
  await person.screenshot(name)
  await person.page.evaluate(axe)
  const { overflow, serious } = await person.page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] })
    return {
      overflow: document.documentElement.scrollWidth - innerWidth,
      serious: violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary}`).join(' | ')}`),
    }
  })
  assert.deepEqual(serious, [], name)
  assert.ok(overflow <= 0, `${name}: ${overflow} px too wide`)
}

const TALK = [
  'Good morning! Did the **night build** pass?',
  'It did, *after* a `retry`. Details: https://example.org/builds/412',
  '```\n$ make test\nAll is well.\n```',
  '> Did the night build pass?\n\nSee above :-)\n\n1. read\n2. ask\n3. act',
  'A word that does not break: ' + 'a'.repeat(120),
]

async function populate(server, name) {
  await fill(server.direct, 'Grace Hopper', 'lobby', TALK)
  await ask(server.direct, { name: 'Alan Turing' }, [
    { type: 'join', room: 'lobby' },
    { type: 'publish', room: 'lobby', id: 'a1', body: { text: `@${name} have a look, please`, reply: 2 } },
    { type: 'publish', room: 'lobby', id: 'a2', kind: 'reaction', target: 1, body: { emoji: '👍' } },
    { type: 'publish', room: 'lobby', id: 'a3', kind: 'reaction', target: 1, body: { emoji: '🎉' } },
    { type: 'publish', room: 'lobby', id: 'a4', body: { text: 'a slip' } },
    { type: 'publish', room: 'lobby', id: 'a5', kind: 'delete', target: 9, body: {} },
    { type: 'publish', room: 'lobby', id: 'a6', kind: 'edit', target: 6, body: { text: `@${name} have a look, please :)`, reply: 2 } },
  ])
}

for (const { name: shape, isNarrow, ...options } of SHAPES) {
  test(`the page, ${shape}`, async () => {
    const server = await open()
    await populate(server, 'Ann')
    const ann = await Person.open(browser, server.url, options)
    await ann.at('name-input').waitFor()
    await inspect(ann, `name-${shape}`)
    await ann.at('name-input').fill('Ann')
    await ann.at('enter').click()
    await ann.online()
    await ann.at('deleted').waitFor()
    await ann.say('Here I am')
    await inspect(ann, `chat-${shape}`)

    await ann.line('Here I am').focus()
    await ann.at('tools').waitFor()
    await ann.page.keyboard.press('+')
    await ann.at('emoji-picker').waitFor()
    await inspect(ann, `emoji-${shape}`)
    await ann.page.keyboard.press('Escape')
    await ann.at('emoji-picker').waitFor({ state: 'detached' })
    await ann.line('Here I am').focus()
    await ann.page.keyboard.press('Delete')
    await ann.at('delete-confirm').waitFor()
    await inspect(ann, `delete-${shape}`)
    await ann.at('delete-cancel').click()
    await ann.at('composer').focus()
    await ann.at('composer').press('ArrowUp')
    await ann.at('edit-box').waitFor()
    await ann.at('edit-box').press('Escape')
    await ann.page.keyboard.press('Control+k')
    await ann.at('switcher-option').first().waitFor()
    await inspect(ann, `switcher-${shape}`)
    await ann.page.keyboard.press('Escape')
    await ann.at('switcher').waitFor({ state: 'detached' })
    if (isNarrow) {
      await ann.at('open-rooms').click()
      await ann.at('room').first().waitFor()
      await inspect(ann, `rooms-${shape}`)
    }
    await ann.leave()
  })

  test(`people, rooms and finding, ${shape}`, async () => {
    const server = await open()
    await populate(server, 'Ann')
    const results = [{ room: 'lobby', seq: 2, id: 'x', from: { id: 'p', name: 'Grace Hopper' }, time: '2026-11-20T08:00:00.000Z', kind: 'text', body: { text: TALK[1] } }]
    const ann = await Person.blank(browser, options)
    const calls = await fakeApi(ann.context, { results })
    await ann.page.goto(server.url)
    await ann.at('name-input').fill('Ann')
    await ann.at('enter').click()
    await ann.online()

    const sidebar = async (testid) => {
      if (isNarrow) await ann.at('open-rooms').click()
      await ann.at(testid).click()
    }
    await sidebar('open-browse')
    await ann.at('browse-room').nth(1).waitFor()
    await inspect(ann, `browse-${shape}`)
    await ann.at('dialog-close').click()

    await sidebar('open-new-room')
    await ann.at('new-room-name').fill('Garden')
    await ann.at('new-room-topic').fill('What grows')
    await inspect(ann, `new-room-${shape}`)
    await ann.at('dialog-close').click()

    await ann.at('open-room-settings').click()
    await ann.at('room-topic-input').fill('Everything else')
    await inspect(ann, `room-${shape}`)
    await ann.at('room-save').click()
    await ann.at('room-topic').getByText('Everything else').waitFor()

    await ann.at('search-open').click()
    await ann.at('search-input').fill('from:grace build')
    await ann.at('search-input').press('Enter')
    await ann.at('search-result').waitFor()
    await inspect(ann, `search-${shape}`)
    await ann.at('search-result').click()
    await ann.page.locator('[data-testid=message][data-seq="2"][data-highlighted]').waitFor()
    assert.ok(calls.includes('GET search'))

    await (isNarrow ? ann.at('open-people') : ann.at('search-close')).click()
    await ann.at('member').nth(1).waitFor()
    await ann.at('member-add').fill('林')
    await ann.at('member-found').click()
    await ann.at('member').nth(2).waitFor()
    await inspect(ann, `members-${shape}`)
    await ann.leave()
  })

  test(`coming in, ${shape}`, async () => {
    const server = await open()
    const ann = await Person.blank(browser, options)
    await fakeApi(ann.context, { config: { guests: true, accounts: true, setup: false, oidc: { name: 'Example' } } })
    await ann.page.goto(server.url)
    await ann.at('account-name').fill('ann')
    await ann.at('account-password').fill('wrong')
    await ann.at('account-submit').click()
    await ann.at('credentials-problem').waitFor()
    await ann.at('oidc').waitFor()
    await inspect(ann, `sign-in-${shape}`)
    await ann.at('as-guest').click()
    await ann.at('name-input').waitFor()

    await ann.page.goto(`${server.url}/#invite=good`)
    await ann.at('credentials').getByText('Join Grace Hopper').waitFor()
    assert.equal(new URL(ann.page.url()).hash, '', 'the secret does not stay in the address')
    await inspect(ann, `invite-${shape}`)
    await ann.page.goto(`${server.url}/#reset=bad`)
    await ann.at('leave-link').waitFor()
    await ann.page.goto(`${server.url}/#setup=first`)
    await ann.at('credentials').getByText('Set up Parley').waitFor()
    await ann.leave()
  })
}

test('an admin invites, helps and removes', async () => {
  const server = await open()
  const ann = await Person.blank(browser)
  const user = { id: 'p-me', name: 'Ann', role: 'admin', password: true, seen: '2026-11-20T09:00:00.000Z' }
  const calls = await fakeApi(ann.context, { config: { guests: false, accounts: true, setup: false, user } })
  // The socket of a server without accounts would refuse the cookie that there is none of.
  await ann.page.routeWebSocket(/\/ws$/, (socket) => {
    socket.onMessage((text) => {
      const { type, ref, rooms } = JSON.parse(text)
      const acks = {
        hello: { user: { id: user.id, name: user.name }, session: '', heartbeat: { interval: 25000, timeout: 10000 }, limits: { body: 65536, rate: 20, burst: 60 } },
        rooms: { rooms: [] },
        join: { rooms: Object.keys(rooms ?? {}).map((room) => ({ room, first: 1, last: 0, messages: [], more: false, users: [user], count: 1 })) },
      }
      if (ref !== undefined) socket.send(JSON.stringify({ type: 'ack', ref, ...acks[type] }))
    })
  })
  await ann.page.goto(server.url)
  await ann.online()
  await ann.at('open-admin').click()
  await ann.at('account-row').nth(2).waitFor()
  await ann.at('invite').click()
  await ann.at('admin-link').waitFor()
  assert.equal(await ann.at('admin-link').inputValue(), 'http://localhost/#invite=s3cret')
  await inspect(ann, 'admin-wide')
  const alan = ann.page.locator('[data-testid=account-row][data-user=p-alan]')
  await alan.getByTestId('person-reset').click()
  await until('the link is another', async () => (await ann.at('admin-link').inputValue()).includes('#reset='))
  await alan.getByTestId('person-remove').click()
  await alan.getByTestId('person-remove-confirm').click()
  await until('the removal was asked for', () => calls.includes('DELETE people/p-alan'))
  await ann.at('dialog-close').click()
  await ann.at('open-account').click()
  await ann.at('password-old').waitFor()
  await inspect(ann, 'account-wide')
  await ann.leave()
})

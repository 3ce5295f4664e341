// Each state of the page, light and dark, wide and narrow: no serious fault of accessibility, nothing too wide, and a
// screenshot for people to look at.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { open } from '../control.mjs'
import { Person, launch, until } from './chat.mjs'
import { ask, fill } from './fill.mjs'
import { inspect } from './inspect.mjs'
import { startProvider } from './provider.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

const SHAPES = [
  { name: 'wide', isNarrow: false, viewport: { width: 1280, height: 800 } },
  { name: 'narrow', isNarrow: true, viewport: { width: 390, height: 844 }, hasTouch: true },
]

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
    await fill(server.direct, 'Mia', 'design', ['Where the look of things is decided'])
    await ask(server.direct, { name: '林小雨' }, [{ type: 'join', room: 'design' }])
    const ann = await Person.enter(browser, server.url, 'Ann', options)

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
    await ann.at('new-room-create').click()
    await ann.at('room-topic').getByText('What grows').waitFor()
    if (isNarrow) await ann.page.keyboard.press('Escape')

    await ann.at('open-room-settings').click()
    await ann.at('room-topic-input').fill('Everything else')
    await inspect(ann, `room-${shape}`)
    await ann.at('room-save').click()
    await ann.at('room-topic').getByText('Everything else').waitFor()

    await (isNarrow ? ann.at('open-people').click() : Promise.resolve())
    await ann.at('member').first().waitFor()
    await ann.at('member-add').fill('林')
    await ann.at('member-found').click()
    await ann.at('member').nth(1).getByTestId('member-seen').getByText('Last seen today').waitFor()
    await inspect(ann, `members-${shape}`)
    if (isNarrow) await ann.page.keyboard.press('Escape')

    await ann.at('search-open').click()
    await ann.at('search-input').fill('from:grace build')
    await ann.at('search-input').press('Enter')
    await ann.at('search-result').first().waitFor()
    await inspect(ann, `search-${shape}`)
    await ann.at('search-result').last().click()
    await ann.page.locator('[data-testid=message][data-seq="1"][data-highlighted]').waitFor()
    await ann.leave()
  })

  test(`coming in, ${shape}`, async () => {
    const provider = await startProvider('Ann Lee')
    const server = await open({ accounts: true, guests: true, oidc: provider.url })
    const ann = await Person.open(browser, server.setup, options)
    await ann.at('credentials').getByText('Set up Parley').waitFor()
    await ann.at('account-name').fill('Ann')
    await ann.at('account-password').fill('short')
    assert.ok(await ann.at('account-submit').isDisabled(), 'a password has eight characters')
    await ann.signIn('Ann', 'correct horse')
    await ann.online()
    const { link } = await ann.call('POST', 'invites', {})

    const ben = await Person.open(browser, server.url, options)
    await ben.signIn('ann', 'wrong')
    await ben.at('credentials-problem').waitFor()
    await ben.at('oidc').waitFor()
    await inspect(ben, `sign-in-${shape}`)
    await ben.at('as-guest').click()
    await ben.at('name-input').waitFor()

    await ben.page.goto(link)
    await ben.at('credentials').getByText('Join Ann').waitFor()
    assert.equal(new URL(ben.page.url()).hash, '', 'the secret does not stay in the address')
    await inspect(ben, `invite-${shape}`)
    await ben.page.goto(`${server.url}/#reset=bad`)
    await ben.at('leave-link').waitFor()
    for (const person of [ann, ben]) await person.leave()
    provider.close()
  })

  test(`an admin invites, helps and removes, ${shape}`, async () => {
    const server = await open({ accounts: true })
    const ann = await Person.open(browser, server.setup, options)
    await ann.signIn('Ann', 'correct horse')
    await ann.online()
    for (const name of ['Grace Hopper', 'Alan Turing', '林小雨']) {
      const { link } = await ann.call('POST', 'invites', {})
      await fetch(`${server.url}/api/signup`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ ticket: link.split('#invite=')[1], name, password: 'correct horse' }),
      })
    }
    const sidebar = async (testid) => {
      if (isNarrow) await ann.at('open-rooms').click()
      await ann.at(testid).click()
    }
    await ann.at('invite-first').click()
    await ann.at('account-row').nth(3).waitFor()
    await ann.at('invite').click()
    await ann.at('admin-link').waitFor()
    assert.match(await ann.at('admin-link').inputValue(), /#invite=/)
    const alan = ann.at('account-row').filter({ hasText: 'Alan' })
    await alan.getByTestId('person-role').click()
    await alan.getByText('admin', { exact: true }).waitFor()
    await inspect(ann, `admin-${shape}`)
    await alan.getByTestId('person-reset').click()
    await until('the link is another', async () => (await ann.at('admin-link').inputValue()).includes('#reset='))
    await alan.getByTestId('person-remove').click()
    await alan.getByTestId('person-remove-confirm').click()
    await alan.waitFor({ state: 'detached' })
    await ann.at('dialog-close').click()
    await sidebar('open-account')
    await ann.at('password-old').waitFor()
    await inspect(ann, `account-${shape}`)
    await ann.leave()
  })
}

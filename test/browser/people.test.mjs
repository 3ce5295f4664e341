// A team of accounts: who may do what, in several browsers at once, and out again.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { open } from '../control.mjs'
import { Person, launch, until } from './chat.mjs'
import { inspect } from './inspect.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

/** Ann, who runs it, and those whom she invites: each in a browser of their own. */
async function team(server, ...names) {
  const ann = await Person.open(browser, server.setup)
  await ann.signIn('Ann', 'correct horse')
  await ann.online()
  const others = names.map(async (name) => {
    const person = await Person.open(browser, (await ann.call('POST', 'invites', {})).link)
    await person.at('credentials').getByText('Join Ann').waitFor()
    await person.signIn(name, `the staple of ${name}`)
    await person.online()
    return person
  })
  return [ann, ...(await Promise.all(others))]
}

const member = (person, name) => person.page.locator('[data-testid=member]', { hasText: name })
const shownRoom = (person, name) => person.page.locator('[data-testid=room]', { hasText: name })
const row = (person, name) => person.at('account-row').filter({ hasText: name })

/** What is done with a member, by the buttons beside the name. */
async function manage(person, name, ...buttons) {
  for (const which of buttons) {
    await until(`${which} of ${name}`, async () => {
      await member(person, name).hover({ timeout: 5000 }).catch(() => {})
      return member(person, name).getByTestId(which).click({ timeout: 5000 }).then(() => true, () => false)
    })
  }
}

test('a room is its admins’: they add, rename, archive, and put people out, who hear nothing more', async () => {
  const server = await open({ accounts: true })
  const [ann, ben, cat] = await team(server, 'Ben', 'Cat')
  await ben.at('open-new-room').click()
  await ben.at('new-room-name').fill('Garden')
  await ben.at('new-room-private').check()
  await ben.at('new-room-create').click()
  await member(ben, 'Ben').getByText('admin').waitFor()
  for (const name of ['Ann', 'Cat']) {
    await ben.at('member-add').fill(name)
    await ben.at('member-found').filter({ hasText: name }).click()
    await member(ben, name).waitFor()
  }
  for (const person of [ann, cat]) await shownRoom(person, 'Garden').click()
  await ben.say('welcome')
  for (const person of [ann, cat]) await person.sees('welcome')

  // Who is no admin may look and leave.
  await cat.at('open-room-settings').click()
  await cat.at('room-leave').waitFor()
  assert.equal(await cat.at('room-save').count() + await cat.at('room-archive').count(), 0)
  await inspect(cat, 'room-member')
  await cat.at('dialog-close').click()
  assert.equal(await cat.at('member-remove').count(), 0)

  // Made an admin, Cat is told, and names it anew.
  await manage(ben, 'Cat', 'member-role')
  await member(cat, 'Cat').getByText('admin').waitFor()
  await cat.at('open-room-settings').click()
  await cat.at('room-name').fill('Orchard')
  await cat.at('room-topic-input').fill('What ripens')
  await cat.at('room-save').click()
  for (const person of [ann, ben, cat]) {
    await shownRoom(person, 'Orchard').waitFor()
    await person.at('room-topic').getByText('What ripens').waitFor()
  }

  // Removed while she looks at it, in two tabs: it says so, and shows and tells nothing more.
  const tab = await ann.tab(server.url)
  await shownRoom(tab, 'Orchard').click()
  await tab.sees('welcome')
  await manage(cat, 'Ann', 'member-remove', 'member-remove-confirm')
  for (const person of [ann, tab]) {
    await person.at('room-problem').getByText('You are no member of this room any more.').waitFor()
    assert.deepEqual(await person.texts(), [])
    assert.ok(!(await person.at('composer').isVisible()), 'there is nothing to write in')
    assert.equal(await person.at('rejoin').count(), 0, 'nor a way back by oneself')
  }
  await inspect(ann, 'removed')
  await member(ben, 'Ann').waitFor({ state: 'detached' })
  await cat.say('now that she is gone')
  await ben.sees('now that she is gone')
  await ann.room('lobby').click()
  await ann.say('what was that?')
  assert.deepEqual(await ann.texts(), ['what was that?'])
  assert.equal(await shownRoom(ann, 'Orchard').count(), 0)
  await ann.at('search-open').click()
  await ann.at('search-input').fill('welcome')
  await ann.at('search-input').press('Enter')
  await ann.at('search').getByText(/nothing|no message/i).waitFor()

  // Archived: to be read, and nothing more is said; and out of the archive again.
  const archive = async (person) => {
    await person.at('open-room-settings').click()
    await person.at('room-archive').click()
    await person.at('room-settings').waitFor({ state: 'detached' })
  }
  await archive(cat)
  for (const person of [ben, cat]) {
    await person.at('archived').waitFor()
    await person.sees('welcome')
    assert.ok(!(await person.at('composer').isVisible()))
  }
  await inspect(ben, 'archived')
  await archive(cat)
  await ben.at('archived').waitFor({ state: 'detached' })
  await ben.say('open again')

  // The admins leave: whoever is left is one then.
  const leave = async (person) => {
    await person.at('open-room-settings').click()
    await person.at('room-leave').click()
    await person.at('room-leave').click()
    await person.page.locator('[data-room=lobby][aria-current]').waitFor()
  }
  await manage(cat, 'Ben', 'member-role') // not an admin any more
  await ben.at('room-about').waitFor({ state: 'detached' })
  await member(ben, 'Ben').getByText('admin').waitFor({ state: 'detached' })
  await leave(cat)
  await member(ben, 'Ben').getByText('admin').waitFor()
  assert.deepEqual(tab.faults, [])
  for (const person of [ann, ben, cat]) await person.leave()
})

test('what others said is deleted by admins, and the page offers that to nobody else', async () => {
  const server = await open({ accounts: true })
  const [ann, ben, cat] = await team(server, 'Ben', 'Cat')
  const offers = async (person, text) => {
    await person.pointAt(text)
    return person.line(text).getByTestId('delete').count()
  }
  await cat.say('in the lobby')
  await ben.sees('in the lobby')
  assert.equal(await offers(ben, 'in the lobby'), 0)
  await ben.line('in the lobby').focus()
  await ben.page.keyboard.press('Delete')
  assert.equal(await ben.at('delete-confirm').count(), 0, 'nor by keyboard')
  await ann.sees('in the lobby')
  await ann.tool('in the lobby', 'delete') // an admin of the installation
  await ann.at('delete-confirm').click()
  for (const person of [ann, ben, cat]) await person.at('deleted').waitFor()

  await ben.at('open-new-room').click()
  await ben.at('new-room-name').fill('Kitchen')
  await ben.at('new-room-create').click()
  await ben.page.locator('[data-room=kitchen][aria-current]').waitFor()
  await cat.at('open-browse').click()
  await cat.page.locator('[data-testid=browse-room][data-room=kitchen]').getByRole('button').click()
  await cat.page.locator('h1', { hasText: 'Kitchen' }).waitFor() // by its name, though it was opened by its id
  await cat.say('in the kitchen')
  await ben.sees('in the kitchen')
  await ben.say('said by Ben')
  await cat.sees('said by Ben')
  assert.equal(await offers(cat, 'said by Ben'), 0)
  assert.equal(await offers(cat, 'in the kitchen'), 1, 'one’s own')
  await ben.tool('in the kitchen', 'delete') // an admin of the room
  await ben.at('delete-confirm').click()
  await cat.at('deleted').waitFor()
  for (const person of [ann, ben, cat]) await person.leave()
})

test('a new password by a link, out everywhere, and removed: on every device at once', async () => {
  const server = await open({ accounts: true })
  const [ann, ben] = await team(server, 'Ben')
  await ann.at('open-admin').click()
  await row(ann, 'Ben').getByTestId('person-reset').click()
  await ann.at('admin-link').waitFor()
  const link = await ann.at('admin-link').inputValue()
  await ann.at('dialog-close').click()

  const other = await Person.open(browser, link)
  await other.at('credentials').getByText('For Ben').waitFor()
  assert.ok(!other.page.url().includes('reset'), 'the secret does not stay in the address')
  await other.at('account-password').fill('a staple of another kind')
  await other.at('account-submit').click()
  await other.online()
  await ben.at('credentials-problem').waitFor() // signed out by it
  await ben.signIn('Ben', 'the staple of Ben')
  await ben.at('credentials-problem').getByText('do not belong together').waitFor()
  await ben.signIn('Ben', 'a staple of another kind')
  await ben.online()
  await ben.page.goto(link) // which is spent
  await ben.at('leave-link').click()
  await ben.online()

  // What was not sent when another device signs out everywhere is sent by who comes back.
  await other.say('before')
  await ben.at('open-account').click()
  await ben.at('sign-out-everywhere').click()
  await ben.at('account-submit').waitFor()
  await other.at('account-submit').waitFor()
  for (const person of [ben, other]) {
    await person.signIn('Ben', 'a staple of another kind')
    await person.online()
    await person.sees('before')
  }

  await ann.at('open-admin').click()
  await row(ann, 'Ben').getByTestId('person-remove').click()
  await row(ann, 'Ben').getByTestId('person-remove-confirm').click()
  await row(ann, 'Ben').waitFor({ state: 'detached' })
  for (const person of [ben, other]) {
    await person.at('account-submit').waitFor()
    await person.signIn('Ben', 'a staple of another kind')
    await person.at('credentials-problem').waitFor()
  }
  await ann.at('dialog-close').click()
  await ann.sees('before') // what he said stays
  for (const person of [ann, ben, other]) await person.leave()
})

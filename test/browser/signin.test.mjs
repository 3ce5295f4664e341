// Who one is, when somebody else says so: a provider of OpenID Connect, or a token of another product.
import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { open } from '../control.mjs'
import { Person, launch, until } from './chat.mjs'
import { startProvider } from './provider.mjs'

let browser
const folder = mkdtempSync(join(tmpdir(), 'parley-signin-'))
before(async () => { browser = await launch() })
after(async () => {
  await browser.close()
  rmSync(folder, { recursive: true })
})

test('the button of a provider leads there and back, signed in', async () => {
  const provider = await startProvider('Ann Lee')
  const server = await open({ oidc: provider.url })
  provider.refuses = true
  const ann = await Person.open(browser, server.url)
  assert.equal(await ann.at('name-input').count() + await ann.at('account-name').count(), 0, 'there is no other way in')
  await ann.at('oidc').getByText('Sign in with Example').click()
  await ann.at('credentials-problem').getByText('did not let you in').waitFor()
  provider.refuses = false
  await ann.at('oidc').click()
  await ann.online()
  assert.equal(new URL(ann.page.url()).search, '', 'what the provider said does not stay in the address')
  await ann.say('signed in by them')
  await ann.at('message-author').getByText('Ann Lee').waitFor()
  await ann.page.reload()
  await ann.online()
  await ann.at('open-account').click()
  assert.equal(await ann.at('password-old').count(), 0, 'they have no password here')
  await ann.at('sign-out-here').click()
  await ann.at('oidc').waitFor()
  await ann.at('oidc').click()
  await ann.online()
  await ann.sees('signed in by them')
  await ann.leave()
  provider.close()
})

test('a token that expires is looked for anew; where there is none, what was written waits', async () => {
  const secret = randomBytes(32)
  const file = join(folder, 'key')
  writeFileSync(file, secret.toString('hex'))
  const token = () => {
    const parts = [{ alg: 'HS256' }, { iss: 'them', sub: '7', name: 'Ann', exp: Math.floor(Date.now() / 1000) + 3600 }]
    const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
    return `${signed}.${createHmac('sha256', secret.toString('hex')).update(signed).digest('base64url')}`
  }
  const server = await open({ jwt: file })
  const ann = await Person.blank(browser)
  const give = () => ann.context.addCookies([{ name: 'parley', value: token(), url: server.url, httpOnly: true, sameSite: 'Lax' }])
  let socket
  await ann.page.routeWebSocket(/\/ws$/, (route) => {
    route.connectToServer()
    socket = route
  })
  const expire = () => socket.close({ code: 4501, reason: 'the token has expired; sign in again' })
  await ann.page.goto(server.url)
  await ann.at('look-again').waitFor() // no guests, no passwords: one comes from elsewhere
  await give()
  await ann.at('look-again').click()
  await ann.online()
  await ann.say('by a token')

  // A fresh one is there already.
  const before = socket
  await give()
  await expire()
  await until('there is another connection', () => socket !== before)
  await ann.online()
  await ann.say('by another')

  // There is none: what is written stays until there is.
  await server.stall()
  await ann.write('kept until then')
  await ann.line('kept until then').waitFor()
  await ann.context.clearCookies()
  await server.restore()
  await expire()
  await ann.at('credentials-problem').getByText('Your session has ended').waitFor()
  await give()
  await ann.at('look-again').click()
  await ann.online()
  await ann.sent('kept until then')
  assert.deepEqual(await ann.texts(), ['by a token', 'by another', 'kept until then'])
  await ann.leave()
})

// What the browser tests do on the page, in the words of a person using it.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { chromium } from 'playwright-core'

export const PATIENCE = 30_000
const ARTIFACTS = new URL('../artifacts/', import.meta.url).pathname

/** Debian's Chromium, headless. The tests run as root in CI, where its sandbox cannot. */
export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  })

/**
 * A person: a browser profile of their own with the page open. Whatever the
 * page throws or logs as an error, beyond a connection that the test broke,
 * fails the test in `leave`.
 */
export class Person {
  static async open(browser, url, options = {}) {
    return (await Person.blank(browser, options)).#goto(url)
  }

  /** A person who has opened nothing yet. */
  static async blank(browser, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
    context.setDefaultTimeout(PATIENCE)
    return new Person(context, await context.newPage())
  }

  /** Opens the page and enters under a name. */
  static async enter(browser, url, name, options) {
    const person = await Person.open(browser, url, options)
    await person.enter(name)
    await person.online()
    return person
  }

  /** Enters under a name, on the page that asks for one. */
  async enter(name) {
    await this.at('name-input').fill(name)
    await this.at('enter').click()
  }

  /** Fills in and sends a name and a password, wherever they are asked for. */
  async signIn(name, password) {
    await this.at('account-name').fill(name)
    await this.at('account-password').fill(password)
    await this.at('account-submit').click()
  }

  /** Calls the HTTP API as the page does, with its cookies. */
  call(method, path, body) {
    return this.page.evaluate(
      async ([method, path, body]) => {
        const answer = await fetch(`/api/${path}`, { method, headers: { 'Content-Type': 'application/json' }, ...(body && { body: JSON.stringify(body) }) })
        return answer.json()
      },
      [method, path, body],
    )
  }

  faults = []

  constructor(context, page) {
    this.context = context
    this.page = page
    page.on('pageerror', (error) => this.faults.push(error.stack ?? String(error)))
    page.on('console', (message) => {
      const broken = /WebSocket connection|net::ERR_|Failed to load resource/.test(message.text())
      if (message.type() === 'error' && !broken) this.faults.push(message.text())
    })
  }

  async #goto(url) {
    await this.page.goto(url)
    return this
  }

  /** Another tab of the same profile. */
  async tab(url) {
    return new Person(this.context, await this.context.newPage()).#goto(url)
  }

  at(testid) {
    return this.page.getByTestId(testid)
  }

  line(text) {
    return this.at('message').filter({ has: this.page.getByTestId('message-text').getByText(text, { exact: true }) })
  }

  room(id) {
    return this.page.locator(`[data-testid=room][data-room="${id}"]`)
  }

  /** Points at a message until its tools are there: what comes in may move it away from under the pointer. */
  async pointAt(text) {
    await until(`the tools of ${text}`, async () => {
      await this.line(text).hover()
      return this.line(text).getByTestId('tools').isVisible()
    })
  }

  /** Does something with a message, by its tools. */
  async tool(text, which) {
    const button = this.line(text).getByTestId('tools').getByTestId(which)
    await until(`${which} of ${text}`, async () => {
      await this.pointAt(text)
      return button.click({ timeout: 5000 }).then(() => true, () => false)
    })
  }

  connection(state) {
    return this.page.locator(`[data-testid=connection][data-state=${state}]`)
  }

  async online() {
    await this.at('composer').waitFor()
    await this.connection('online').waitFor({ state: 'attached' })
  }

  /** Until the page has noticed that the connection is gone. */
  async offline() {
    await this.page
      .locator('[data-testid=connection]:is([data-state=waiting], [data-state=connecting], [data-state=offline])')
      .waitFor({ state: 'attached' })
  }

  async write(text) {
    await this.at('composer').fill(text)
    await this.at('composer').press('Enter')
  }

  /** Writes a line and waits until the server has it. */
  async say(text) {
    await this.write(text)
    await this.sent(text)
  }

  async sent(text) {
    await this.line(text).and(this.page.locator('[data-state=sent]')).waitFor()
  }

  async sees(text) {
    await this.line(text).waitFor()
  }

  /** The lines on the page, from top to bottom. */
  lines() {
    return this.page.getByTestId('message').evaluateAll((elements) =>
      elements.map((element) => ({
        seq: Number(element.dataset.seq),
        id: element.dataset.id,
        state: element.dataset.state,
        text: element.querySelector('[data-testid=message-text]').textContent.trim(),
      })),
    )
  }

  async texts() {
    return (await this.lines()).map((line) => line.text)
  }

  async screenshot(name) {
    mkdirSync(ARTIFACTS, { recursive: true })
    await this.page.screenshot({ path: `${ARTIFACTS}${name}.png` })
  }

  async leave() {
    await this.context.close()
    assert.deepEqual(this.faults, [], 'the page logged errors')
  }
}

/** Both see the same lines, each once, in one order of ascending seq. */
export async function assertSame(people, texts) {
  const views = await Promise.all(people.map((person) => person.lines()))
  for (const view of views) {
    assert.deepEqual(view, views[0], 'all see the same')
    assert.ok(view.every((line) => line.state === 'sent'), JSON.stringify(view))
    assert.ok(view.every((line, i) => i === 0 || line.seq === view[i - 1].seq + 1), JSON.stringify(view))
  }
  const shown = views[0].map((line) => line.text)
  assert.deepEqual([...shown].sort(), [...texts].sort(), 'each line is there, once')
}

/** Waits until a condition on the page's side holds. */
export async function until(what, condition) {
  const end = Date.now() + PATIENCE
  for (;;) {
    if (await condition()) return
    if (Date.now() > end) throw new Error(`not in ${PATIENCE} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

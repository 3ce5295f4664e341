// The examples in real Chromium: the tutorials' wires from a page that was opened as a file, and the examples' own pages.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { launch, until } from '../browser/chat.mjs'

const PATIENCE = 30_000
const addresses = JSON.parse(process.env.EXAMPLES)

let browser, folder
before(async () => {
  browser = await launch()
  folder = mkdtempSync(join(tmpdir(), 'parley-page-'))
})
after(async () => {
  await browser.close()
  rmSync(folder, { recursive: true })
})

/** A page in a browser profile of its own; its errors fail the test. */
async function open(t, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  context.setDefaultTimeout(PATIENCE)
  const page = await context.newPage()
  const faults = []
  page.on('pageerror', (error) => faults.push(error.stack ?? String(error)))
  await page.goto(url)
  t.after(async () => {
    await context.close()
    assert.deepEqual(faults, [])
  })
  return page
}

/** A page from a file, with sockets of the browser's own: connect(url, protocols) and next(). */
async function openFile(t) {
  const path = join(folder, 'page.html')
  writeFileSync(path, '<!doctype html><title>a file</title>')
  const page = await open(t, `file://${path}`)
  assert.equal(await page.evaluate(() => origin), 'null')
  await page.evaluate(() => {
    window.connect = (url, protocols = []) => {
      const socket = new WebSocket(url, protocols)
      socket.binaryType = 'arraybuffer'
      const came = [], waiting = []
      const put = (event) => (waiting.length ? waiting.shift()(event) : came.push(event))
      socket.onmessage = ({ data }) => {
        const time = /^(\{"type":"time","content":\d{13}\}|\d{4}-\d\d-\d\dT[\d:.]{12}Z)$/ // comes when it comes
        if (typeof data !== 'string') put([...new Uint8Array(data)])
        else if (!time.test(data)) put(data)
      }
      socket.onclose = ({ code, reason, wasClean }) => put({ code, reason, wasClean })
      socket.next = () => (came.length ? came.shift() : new Promise((resolve) => waiting.push(resolve)))
      return new Promise((resolve) => { socket.onopen = () => resolve(socket) })
    }
  })
  return page
}

test('broadcast: pages opened as files hear each other', async (t) => {
  const [ann, ben] = [await openFile(t), await openFile(t)]
  const join = (url) => connect(url, ['app']).then((socket) => { window.socket = socket; return socket.protocol })
  const url = `ws://${addresses.broadcast}/`
  assert.equal(await ann.evaluate(join, url), 'app')
  assert.equal(await ben.evaluate(join, url), 'app')
  for (const text of ['grüße 🎈', '{"type":"message","content":"hi"}']) {
    await ann.evaluate((text) => socket.send(text), text)
    for (const page of [ann, ben]) assert.equal(await page.evaluate(() => socket.next()), text)
  }
  await ben.evaluate(() => socket.close(4001, 'enough'))
  assert.deepEqual(await ben.evaluate(() => socket.next()), { code: 4001, reason: '', wasClean: true })
})

test('onetoone, echo and relay answer a page opened as a file', async (t) => {
  const page = await openFile(t)
  const [forwarded, echoed, relayed] = await page.evaluate(async ({ onetoone, echo, relay }) => {
    const ann = await connect(`ws://${onetoone}/`), ben = await connect(`ws://${onetoone}/`)
    ann.send('{"type":"open","fromUserId":"a","toUserId":"b"}')
    ben.send('{"type":"open","fromUserId":"b","toUserId":"a"}')
    ben.send('{"type":"message","fromUserId":"b","toUserId":"b","content":"to open b-b comes first"}')
    ben.send('{"type":"open","fromUserId":"b","toUserId":"b"}')
    ben.send('{"type":"message","fromUserId":"b","toUserId":"b"}')
    const opened = await ben.next() // so b-a is open as well
    ann.send('heartbeat')
    ann.send('{"type":"message","fromUserId":"a","toUserId":"b","content":1.0}')
    const server = await connect(`ws://${echo}/`)
    server.send(new Uint8Array([1, 2, 255]))
    const room = await connect(`ws://${relay}/ws`)
    room.send('{"type":"join","data":"ann"}')
    room.send(new Blob([new Uint8Array([7, 8])]))
    return [[opened, await ben.next()], await server.next(), [await room.next(), await room.next()]]
  }, addresses)
  assert.deepEqual(forwarded, [
    '{"type":"message","fromUserId":"b","toUserId":"b"}',
    '{"type":"message","fromUserId":"a","toUserId":"b","content":1.0}',
  ])
  assert.deepEqual(echoed, [1, 2, 255])
  assert.deepEqual(relayed, ['{"type":"join","data":"ann"}', [3, 97, 110, 110, 7, 8]])
})

test("echo's page shows both ends", async (t) => {
  const page = await open(t, `http://${addresses.echo}/`)
  const at = (id) => page.getByTestId(id)
  const line = (log, ...texts) => texts.reduce((lines, text) => lines.filter({ hasText: text }), at(log).locator('li')).first().waitFor()
  const state = (text) => at('state').filter({ hasText: text }).waitFor()
  await state('not connected')
  assert.ok(await at('send-text').isDisabled())

  await at('protocols').fill('chat, app')
  await at('connect').click()
  await state('readyState 1 OPEN')
  await line('page-log', 'open', 'the subprotocol chat')
  await line('server-log', 'request', 'Sec-WebSocket-Protocol: chat, app')
  await line('server-log', 'request', 'Sec-WebSocket-Extensions: permessage-deflate')
  await line('server-log', 'request', `Origin: http://${addresses.echo}`)
  await line('server-log', 'response', '101 Switching Protocols', 'Sec-WebSocket-Protocol: chat', 'Sec-WebSocket-Extensions: permessage-deflate')
  await line('page-log', 'open', 'the extension permessage-deflate')

  await at('text').fill('<b>grüße</b> 🎈')
  await at('send-text').click()
  await line('page-log', 'message', '<b>grüße</b> 🎈', '19 bytes of text')
  await line('server-log', 'received', 'text', 'masked')
  await line('server-log', 'sent', 'text', 'FIN')

  await at('bytes').fill('00 fF 10')
  await at('send-bytes').click()
  await line('page-log', 'message', '00 ff 10', '3 bytes of binary')
  await line('server-log', 'received', 'binary')
  await at('bytes').fill('0x')
  await at('send-bytes').click()
  await line('page-log', 'error', 'pairs of the digits')

  await at('text').fill('again and '.repeat(100))
  await at('send-text').click()
  await line('page-log', 'message', '1,000 bytes of text')
  await line('server-log', 'received', 'text', 'compressed, masked')
  await line('server-log', 'sent', 'text', 'FIN, compressed')

  await line('page-log', 'message', '24 bytes of text') // the time

  await at('code').fill('1002')
  await at('close').click()
  await line('page-log', 'error', '1002') // a page must not send it, and the browser says so
  await at('code').fill('4321')
  await at('reason').fill('enough')
  await at('close').click()
  await state('readyState 3 CLOSED')
  await line('page-log', 'close', 'Closed with 4321', 'clean')
  await line('server-log', 'received', 'close', '4321 enough')
  await line('server-log', 'sent', 'close', '4321')
  await line('server-log', 'end', '4321', 'enough')

  // Again, and this time without a code; then where nobody listens.
  await at('protocols').fill('')
  await at('connect').click()
  await state('readyState 1 OPEN')
  await line('page-log', 'open', 'no subprotocol')
  await at('code').fill('')
  await at('close').click()
  await line('page-log', 'close', 'Closed with 1005')
  await at('url').fill('ws://127.0.0.1:9/')
  await at('connect').click()
  await line('server-log', 'This server does not tell')
  await line('page-log', 'close', 'Closed with 1006', 'not clean')
})

test("relay's page shares words and pictures", async (t) => {
  const people = [await open(t, `http://${addresses.relay}/`), await open(t, `http://${addresses.relay}/`)]
  for (const [i, page] of people.entries()) {
    await page.getByTestId('nick').fill(['Ann', 'Ben'][i])
    await page.getByTestId('join').click()
    await page.getByTestId('log').getByText(`${['Ann', 'Ben'][i]} is here`).waitFor()
  }
  const [ann, ben] = people
  await ann.getByTestId('text').fill('<img src=x onerror=alert(1)>')
  await ann.getByTestId('say').click()
  for (const page of people) await page.getByTestId('log').getByText('<img src=x onerror=alert(1)>').waitFor()
  const picture = await ann.screenshot()
  await ann.getByTestId('file').setInputFiles({ name: 'screen.png', mimeType: 'image/png', buffer: picture })
  for (const page of people) {
    const shown = page.getByRole('img', { name: 'A picture from Ann' })
    await shown.waitFor()
    await page.waitForFunction((img) => img.complete && img.naturalWidth === 1280, await shown.elementHandle())
  }
  await ann.close()
  await ben.getByTestId('log').getByText('Ann has left').waitFor()
})

test('ticker: prices come and change, the same on every page', async (t) => {
  const pages = [await open(t, `http://${addresses.ticker}/`), await open(t, `http://${addresses.ticker}/`)]
  for (const page of pages) {
    await page.locator('[data-testid=state][data-live]').waitFor()
    const price = page.locator('[data-symbol=ALDER] .price')
    const first = await price.textContent()
    assert.match(first, /^\d+\.\d\d$/)
    await page.waitForFunction((first) => document.querySelector('[data-symbol=ALDER] .price').textContent !== first, first)
    assert.equal(await page.locator('article').count(), 7)
    // Who is not the ticker cannot make prices.
    await page.evaluate(() => {
      const socket = new WebSocket(location.origin.replace('http', 'ws') + '/ws', 'parley.v1.json')
      socket.onopen = () => {
        const requests = [{ type: 'hello', name: 'Ticker' }, { type: 'join', room: 'prices' }, { type: 'signal', ref: 1, room: 'prices', kind: 'x-prices', body: { FORGED: 1 } }]
        for (const request of requests) socket.send(JSON.stringify(request))
      }
      return new Promise((resolve) => { socket.onmessage = ({ data }) => { if (JSON.parse(data).ref === 1) resolve() } })
    })
  }
  for (const page of pages) {
    await page.evaluate(() => {
      const price = document.querySelector('[data-symbol=ROWAN] .price')
      window.seen = []
      new MutationObserver(() => seen.push(price.textContent)).observe(price, { childList: true })
    })
  }
  const [a, b] = pages.map((page) => () => page.evaluate(() => seen))
  await until('both pages have seen the same price', async () => {
    const theirs = await b()
    return (await a()).some((price) => theirs.includes(price))
  })
  assert.equal(await pages[0].getByText('FORGED').count(), 0)
})

test('cursors: each sees the other move, and go', async (t) => {
  const [ann, ben] = [await open(t, `http://${addresses.cursors}/`), await open(t, `http://${addresses.cursors}/`)]
  const name = async (page) => {
    await page.getByTestId('state').filter({ hasText: 'You are' }).waitFor()
    return (await page.getByTestId('state').textContent()).match(/You are (.*)\. Move/)[1]
  }
  const names = [await name(ann), await name(ben)]
  for (const page of [ann, ben]) for (const name of names) await page.getByTestId('people').getByText(name).first().waitFor()

  const at = (page, name) => page.locator(`.cursor[data-user="${name}"]`)
  await ben.mouse.move(100, 100)
  await ben.mouse.move(640, 400)
  await at(ann, names[1]).waitFor()
  await ann.waitForFunction((name) => document.querySelector(`.cursor[data-user="${name}"]`).style.transform === 'translate(640px, 400px)', names[1])
  assert.equal(await at(ben, names[1]).count(), 0, "one's own cursor is not drawn")

  const other = await open(t, `http://${addresses.cursors}/#another-room`)
  await name(other)
  await ben.mouse.move(10, 10)
  await ann.waitForFunction((name) => document.querySelector(`.cursor[data-user="${name}"]`).style.transform === 'translate(10px, 10px)', names[1])
  assert.equal(await other.locator('.cursor').count(), 0)

  await ben.close()
  await at(ann, names[1]).waitFor({ state: 'detached' })
  await ann.getByTestId('people').locator('li').nth(1).waitFor({ state: 'detached' })
})

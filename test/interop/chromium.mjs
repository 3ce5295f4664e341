// The client's side of the conversation on Chromium's own WebSocket: see doc.go.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { launch } from '../browser/chat.mjs'

const tasks = JSON.parse(readFileSync(0, 'utf8'))
const browser = await launch()
try {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  for (const { url, deflate, long } of tasks) {
    const extensions = await page.evaluate(converse, { url, long })
    assert.equal(extensions.includes('permessage-deflate'), deflate, `${url} uses ${extensions}`)
  }
} finally {
  await browser.close()
}

/** In the page: throws at what is wrong, and returns the extensions in use. */
async function converse({ url, long }) {
  const connect = async () => {
    const socket = new WebSocket(url, ['other', 'interop'])
    socket.binaryType = 'arraybuffer'
    const came = []
    let wake
    const put = (event) => {
      came.push(event)
      wake?.()
    }
    socket.onmessage = ({ data }) => put({ data })
    socket.onclose = ({ code, reason, wasClean }) => put({ code, reason, wasClean })
    await new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = () => reject(new Error(`no connection to ${url}`))
    })
    const next = async () => {
      while (!came.length) await new Promise((resolve) => (wake = resolve))
      return came.shift()
    }
    return { socket, next }
  }
  const check = (right, what) => {
    if (!right) throw new Error(what)
  }
  const { socket, next } = await connect()
  check(socket.protocol === 'interop', `the subprotocol is ${socket.protocol}`)
  const expect = async (text) => {
    const event = await next()
    check(event.data === text, `came ${JSON.stringify(event).slice(0, 200)} for ${text.slice(0, 100)}`)
  }
  for (const size of [0, 1, 125, 126, 127, 1000, 65535, 65536, 1 << 20]) {
    const text = 'text '.repeat(size / 5 + 1).slice(0, size)
    socket.send(text)
    await expect(text)
    const bytes = Uint8Array.from({ length: size }, (_, i) => i * 7)
    socket.send(bytes)
    const { data } = await next()
    check(data instanceof ArrayBuffer && data.byteLength === size, `${size} bytes came back as ${data}`)
    const echo = new Uint8Array(data)
    check(bytes.every((b, i) => b === echo[i]), `${size} bytes came back as others`)
  }
  for (let n = 0; n < 50; n++) socket.send(`message number ${n} ${long.slice(0, 100)}`)
  for (let n = 0; n < 50; n++) await expect(`message number ${n} ${long.slice(0, 100)}`)
  socket.send(long)
  await expect(long)
  socket.send('!fragments')
  await expect(long)
  socket.send('!ping')
  await expect('ponged')
  socket.close(4001, 'thanks')
  const end = await next()
  check(end.code === 4001 && end.wasClean, `closed with ${JSON.stringify(end)}`)

  const second = await connect()
  second.socket.send('!close')
  const told = await second.next()
  check(told.code === 4321 && told.reason === 'as you wish' && told.wasClean, `closed with ${JSON.stringify(told)}`)
  return socket.extensions
}

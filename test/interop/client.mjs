// The client's side of the conversation on npm's ws: see doc.go.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import WebSocket from 'ws'
import { chops, deflateOptions } from './words.mjs'

const { url, cert, mode, deflate, long } = JSON.parse(readFileSync(0, 'utf8'))

/** Connects; next() is the next message or the end. */
async function connect() {
  const socket = new WebSocket(url, ['other', 'interop'], {
    perMessageDeflate: deflateOptions(mode),
    ca: cert && readFileSync(cert),
  })
  const came = []
  let wake
  const put = (event) => {
    came.push(event)
    wake?.()
  }
  socket.on('message', (data, isBinary) => put({ data, isBinary }))
  socket.on('close', (code, reason) => put({ code, reason: reason.toString() }))
  const next = async () => {
    while (!came.length) await new Promise((resolve) => (wake = resolve))
    return came.shift()
  }
  await once(socket, 'open')
  assert.equal(socket.protocol, 'interop')
  assert.equal(socket.extensions.startsWith('permessage-deflate'), deflate)
  return { socket, next }
}

const { socket, next } = await connect()
const expect = async (data, isBinary = false) => {
  const event = await next()
  assert.ok(event.data && event.isBinary === isBinary && event.data.equals(Buffer.from(data)), `came ${JSON.stringify(event).slice(0, 200)}`)
}
for (const size of [0, 1, 125, 126, 127, 1000, 65535, 65536, 1 << 20]) {
  let text = long.repeat(10).slice(0, size)
  while (Buffer.byteLength(text) > size) text = text.slice(0, Math.floor(text.length * 0.9))
  text = text.toWellFormed()
  socket.send(text)
  await expect(text)
  const bytes = Buffer.from(Array.from({ length: size }, (_, i) => (i * 7) & 255))
  socket.send(bytes)
  await expect(bytes, true)
}
for (let n = 0; n < 50; n++) socket.send(`message number ${n} ${long.slice(0, 100)}`)
for (let n = 0; n < 50; n++) await expect(`message number ${n} ${long.slice(0, 100)}`)
chops(socket, long, 999)
await expect(long)
socket.send('!fragments')
await expect(long)
socket.send('!ping')
await expect('ponged')
socket.ping('are you there')
const [pong] = await once(socket, 'pong')
assert.equal(pong.toString(), 'are you there')
socket.close(4001, 'thanks')
assert.equal((await next()).code, 4001)

const second = await connect()
second.socket.send('!close')
assert.deepEqual(await second.next(), { code: 4321, reason: 'as you wish' })

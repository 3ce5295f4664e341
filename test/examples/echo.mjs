// Text and binary come back, and the time every 2,500 ms; see examples/echo.
import assert from 'node:assert/strict'
import { Client } from './client.mjs'

const [plain, prefixed] = process.argv.slice(2)
const clock = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** The next message that is not the time. */
async function answer(client) {
  for (;;) {
    const event = await client.next()
    if (!clock.test(event.text ?? '')) return event
  }
}

const ann = await Client.open(`ws://${plain}/`)
for (const text of ['hello', '', 'grüße 🎈', 'x'.repeat(300_000)]) {
  ann.send(text)
  assert.deepEqual(await answer(ann), { text })
}
for (const binary of [Buffer.from([0, 255, 1]), Buffer.alloc(0), Buffer.alloc(3_000_000, 7)]) {
  ann.send(binary)
  assert.ok((await answer(ann)).binary.equals(binary))
}
// How far apart they are, a test beside the program says, whose clock nobody can hold up.
let last = ''
for (let n = 0; n < 3; n++) {
  const { text } = await ann.next()
  assert.match(text, clock)
  assert.ok(text > last, `${text} after ${last}`)
  last = text
}
ann.socket.close(4321, 'enough')
assert.deepEqual(await answer(ann), { close: 4321, reason: '' })

const ben = await Client.open(`ws://${prefixed}/`, { protocols: ['one', 'two'], deflate: false })
assert.equal(ben.socket.protocol, 'one')
ben.send('hello')
assert.deepEqual(await answer(ben), { text: 'Server received: hello' })
ben.send(Buffer.from('hello'))
assert.ok((await answer(ben)).binary.equals(Buffer.from('hello')))
ben.socket.close(1000)
assert.deepEqual(await answer(ben), { close: 1000, reason: '' })

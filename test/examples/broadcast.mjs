// Every text goes to all, its sender too; see examples/broadcast.
import assert from 'node:assert/strict'
import { Client } from './client.mjs'

const url = `ws://${process.argv[2]}/`
const ignore = /^\{"type":"time","content":\d{13}\}$/ // every 30 s: a test beside the program waits for it
const ann = await Client.open(url, { protocols: ['chat', 'app'], ignore })
assert.equal(ann.socket.protocol, 'app')
const ben = await Client.open(url, { ignore })
assert.equal(ben.socket.protocol, '')
const cem = await Client.open(url, { ignore, deflate: false })

for (const text of ['hello', '', 'grüße 🎈', '{"type":"anything"}', 'x'.repeat(60_000)]) {
  ann.send(text)
  for (const client of [ann, ben, cem]) await client.expectText(text)
}
ben.send(Buffer.from([1, 2, 3])) // ignored
ben.send('after')
for (const client of [ann, ben, cem]) await client.expectText('after')

// All see one order, whoever speaks.
for (let i = 0; i < 100; i++) for (const client of [ann, ben, cem]) client.send(`${i}`)
const seen = []
for (const client of [ann, ben, cem]) {
  const texts = []
  for (let i = 0; i < 300; i++) texts.push((await client.next()).text)
  seen.push(texts.join())
}
assert.equal(seen[1], seen[0])
assert.equal(seen[2], seen[0])

// Who leaves, politely or not, is no trouble to the others.
await ann.close()
ben.socket.terminate()
cem.send('alone')
await cem.expectText('alone')
cem.send('x'.repeat(65 * 1024))
const { close } = await cem.next()
assert.equal(close, 1009)

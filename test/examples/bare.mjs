// Rooms on a server without net/http; see examples/bare.
import assert from 'node:assert/strict'
import { get } from 'node:http'
import { Client } from './client.mjs'

const host = process.argv[2]
const rooms = `ws://${host}/rooms/`
const ann = await Client.open(`${rooms}blue?name=ann`)
await ann.expectText('ann is here')
const ben = await Client.open(`${rooms}blue?name=b%C3%A9n`, { deflate: false })
for (const client of [ann, ben]) await client.expectText('bén is here')
const eve = await Client.open(`${rooms}red?name=eve`)
await eve.expectText('eve is here')

for (const text of ['hello', '', 'grüße 🎈', 'x'.repeat(60_000)]) {
  ben.send(text)
  for (const client of [ann, ben]) await client.expectText(`bén: ${text}`)
}
ann.send(Buffer.from([1, 2, 3])) // ignored
ben.socket.terminate()
await ann.expectText('bén has gone')
ann.send('x'.repeat(65 * 1024))
const { close } = await ann.next()
assert.equal(close, 1009)
await eve.close()

// What is no handshake is answered in HTTP.
for (const [path, status] of [['/', 426], ['/rooms/blue?name=ann', 426]]) {
  const response = await new Promise((resolve, reject) => get(`http://${host}${path}`, resolve).once('error', reject))
  assert.equal(response.statusCode, status)
  response.resume()
}
await assert.rejects(Client.open(`${rooms}blue`), /400/)
await assert.rejects(Client.open(`ws://${host}/nowhere?name=ann`), /404/)

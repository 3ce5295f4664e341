// Names, words and images to all; see examples/relay.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Client } from './client.mjs'

const url = `ws://${process.argv[2]}`
const all = (...clients) => async (...texts) => { for (const client of clients) await client.expectText(...texts) }
/** The one binary message that comes: who sent it, and what. */
const image = async (client) => {
  const { binary } = await client.next()
  const length = binary[0]
  return { name: binary.subarray(1, 1 + length).toString(), data: binary.subarray(1 + length) }
}

const ann = await Client.open(`${url}/`)
ann.send({ type: 'join', data: 'ann' })
await ann.expectText('{"type":"join","data":"ann"}')
const ben = await Client.open(`${url}/ws`, { deflate: false })
ben.send({ type: 'join', data: '' })
await all(ann, ben)('{"type":"join","data":"Anonymous(1)"}')
const cem = await Client.open(`${url}/ws`)
cem.send({ type: 'join' })
await all(ann, ben, cem)('{"type":"join","data":"Anonymous(2)"}')

ann.send({ type: 'message', data: '<b>grüße</b> & 🎈' })
await all(ann, ben, cem)('{"type":"message","username":"ann","data":"<b>grüße</b> & 🎈"}')
ben.send({ type: 'message', data: '' })
await all(ann, ben, cem)('{"type":"message","username":"Anonymous(1)","data":""}')

// Ignored, all of them.
for (const odd of ['hello', '{"type":"dance","data":"x"}', '{"type":"leave","data":"ann"}', '[]', '{"type":"message","data":7}']) ann.send(odd)

// Binary of any size, and in any number of fragments.
for (const size of [0, 1, 125, 70_000, 5_000_000]) {
  const data = randomBytes(size)
  ann.send(data)
  for (const client of [ann, ben, cem]) {
    const got = await image(client)
    assert.equal(got.name, 'ann')
    assert.ok(got.data.equals(data), `${size} bytes`)
  }
}
const parts = [randomBytes(10), randomBytes(0), randomBytes(100_000), randomBytes(1)]
parts.forEach((part, i) => ben.socket.send(part, { binary: true, fin: i === parts.length - 1 }))
for (const client of [ann, ben, cem]) {
  const got = await image(client)
  assert.equal(got.name, 'Anonymous(1)')
  assert.ok(got.data.equals(Buffer.concat(parts)))
}

// Several at once: whole messages, in one order for all.
const sent = [ann, ben, cem].map((client) => [client, randomBytes(3_000_000)])
for (const [client, data] of sent) client.send(data)
const orders = []
for (const client of [ann, ben, cem]) {
  const order = []
  for (const _ of sent) {
    const got = await image(client)
    order.push(sent.findIndex(([, data]) => data.equals(got.data)))
  }
  orders.push(order.join())
  assert.equal([...order].sort().join(), '0,1,2')
}
assert.equal(new Set(orders).size, 1, 'one order')

// Joining again; a long name is cut at a character; who says something first is named first.
const long = 'ñ'.repeat(200)
cem.send({ type: 'join', data: long })
await all(ann, ben, cem)('{"type":"leave","data":"Anonymous(2)"}', `{"type":"join","data":"${long}"}`)
cem.send(Buffer.from('x'))
for (const client of [ann, ben, cem]) assert.equal((await image(client)).name, 'ñ'.repeat(127))
const dan = await Client.open(`${url}/`)
dan.send(Buffer.from('y'))
for (const client of [ann, ben, cem, dan]) {
  await client.expectText('{"type":"join","data":"Anonymous(3)"}')
  assert.deepEqual(await image(client), { name: 'Anonymous(3)', data: Buffer.from('y') })
}

// A sender that dies within its message takes with it who has seen the beginning.
await dan.close()
await all(ann, ben, cem)('{"type":"leave","data":"Anonymous(3)"}')
const eve = await Client.open(`${url}/`)
eve.send({ type: 'join', data: 'eve' })
await all(ann, ben, cem, eve)('{"type":"join","data":"eve"}')
const received = () => [ann, ben, cem].map((client) => client.socket._socket.bytesRead)
const before = received()
eve.socket.send(randomBytes(100_000), { binary: true, fin: false })
while (received().some((bytes, i) => bytes < before[i] + 50_000)) await new Promise((resolve) => setTimeout(resolve, 5))
eve.socket.terminate()
for (const client of [ann, ben, cem]) {
  const { close, reason } = await client.next()
  assert.equal(close, 1011)
  assert.match(reason, /sender/)
}
const fay = await Client.open(`${url}/`)
fay.send({ type: 'message', data: 'anyone?' })
await fay.expectText('{"type":"join","data":"Anonymous(4)"}', '{"type":"message","username":"Anonymous(4)","data":"anyone?"}')
await fay.close()

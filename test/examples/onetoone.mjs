// JSON goes to the other side of its session, anything else is a heartbeat; see examples/onetoone.
import { Client } from './client.mjs'

const url = `ws://${process.argv[2]}/`
const open = (fromUserId, toUserId) => ({ type: 'open', fromUserId, toUserId })
const ann = await Client.open(url)
const ben = await Client.open(url, { deflate: false })
const bensPhone = await Client.open(url)
const cem = await Client.open(url)
ann.send(open('ann', 'ben'))
ben.send(open('ben', 'ann'))
bensPhone.send(open('ben', 'ann'))
cem.send(open('cem', 'ann'))

// What one says to oneself says, when it comes back, that what was sent before it has been handled.
let count = 0
const settle = async (client) => {
  const self = `self ${++count}`
  client.send(open(self, self))
  client.send({ fromUserId: self, toUserId: self })
  await client.expectText(JSON.stringify({ fromUserId: self, toUserId: self }))
}
for (const client of [ann, ben, bensPhone, cem]) await settle(client)

// Unchanged: spaces, the order of the fields, unknown ones.
const text = '{ "toUserId":"ben",\t"x":[1, 2.50], "type":"message","content":"h\\u00e9", "fromUserId":"ann" }'
ann.send(text)
await ben.expectText(text)
await bensPhone.expectText(text)
ben.send({ fromUserId: 'ben', toUserId: 'ann', type: 'typing' })
await ann.expectText('{"fromUserId":"ben","toUserId":"ann","type":"typing"}')

// Nobody gets: what is for a session that nobody has opened, what has not both ids, binary.
cem.send({ fromUserId: 'cem', toUserId: 'ann', type: 'message' })
cem.send({ fromUserId: 'cem', toUserId: 'nobody', type: 'message' })
for (const odd of ['{"type":"message"}', '{"fromUserId":"ann"}', '{"fromUserId":"","toUserId":"ben"}', '[]', '7', 'null', '"text"']) ann.send(odd)
ann.send(Buffer.from(text))
for (const client of [ann, cem, ben, bensPhone]) await settle(client)

// Not JSON in many ways.
for (const heartbeat of ['heartbeat', '', '{', '{"fromUserId":"ann","toUserId":"ben"', "{'a':1}", 'NaN', '❤']) {
  ann.send(heartbeat)
  await ann.expect({ pong: '' })
}

// Numbers are ids as well, and a connection may open several sessions.
ann.send(open(1, 2))
ben.send(open('2', '1'))
await settle(ann)
await settle(ben)
ann.send('{"fromUserId":1,"toUserId":2}')
await ben.expectText('{"fromUserId":1,"toUserId":2}')

// A session ends with its connection, and is there again with the next one.
await ben.close()
ann.send(text)
await bensPhone.expectText(text)
await bensPhone.close()
ann.send(text)
await settle(ann)
const benAgain = await Client.open(url)
benAgain.send(open('ben', 'ann'))
await settle(benAgain)
ann.send(text)
await benAgain.expectText(text)
for (const client of [ann, benAgain, cem]) await client.close()

// A client of Parley on npm's ws, written from the protocol alone: everything a
// program needs to talk, and to find its place again after the server was gone.
import assert from 'node:assert/strict'
import { open } from '../control.mjs'
import { Client, patiently } from './plain.mjs'

const server = await open()
let ann = await Client.connect(server.url)
const bob = await Client.connect(server.url)

// Hello, and who one is.
const hello = await ann.must({ type: 'hello', name: 'Ann of Node' })
assert.equal(hello.user.name, 'Ann of Node')
assert.ok(hello.session.length >= 22, 'a session has 128 bits')
assert.ok(hello.heartbeat.interval > 0 && hello.heartbeat.timeout > 0 && hello.limits.body === 65536)
const other = await bob.must({ type: 'hello', name: 'ann OF node' })
assert.notEqual(other.user.name.toLowerCase(), 'ann of node', 'a name in use gets a number')

// Join, publish, ack, message: for both, the sender too.
const joined = await ann.must({ type: 'join', room: 'node-room' })
assert.deepEqual([joined.room, joined.last, joined.messages, joined.more], ['node-room', 0, [], false])
const second = await bob.must({ type: 'join', room: 'node-room' })
assert.equal(second.count, 2)
assert.ok(second.users.some((u) => u.id === hello.user.id && u.name === 'Ann of Node'))
const ack = await ann.must({ type: 'publish', room: 'node-room', id: 'n1', body: { text: 'grüße, 世界 👋 <b>' } })
assert.equal(ack.seq, 1)
assert.match(ack.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const isMessage = (e) => e.type === 'message'
for (const client of [ann, bob]) {
  const { type, ...message } = await client.next(isMessage)
  assert.equal(type, 'message')
  assert.deepEqual(message, {
    room: 'node-room', seq: 1, id: 'n1', from: hello.user, time: ack.time, kind: 'text', body: { text: 'grüße, 世界 👋 <b>' },
  })
}

// The same id again, from this connection: the first ack, and no second message.
const again = await ann.must({ type: 'publish', room: 'node-room', id: 'n1', body: { text: 'something else' } })
assert.deepEqual([again.seq, again.time], [ack.seq, ack.time])
await bob.must({ type: 'publish', room: 'node-room', id: 'n1', body: { text: 'the same id, but of Bob' } })
assert.equal((await ann.next(isMessage)).seq, 2)

// The server dies; the session, the ids and the log live on.
await server.kill()
await Promise.all([patiently('the end of the connection', ann.closed), bob.closed])
await server.start()
ann = await Client.connect(server.url)
const back = await ann.must({ type: 'hello', session: hello.session })
assert.deepEqual(back.user, hello.user)
const resumed = await ann.must({ type: 'join', room: 'node-room', since: 1 })
assert.deepEqual([resumed.recovered, resumed.more, resumed.last], [true, false, 2])
assert.deepEqual(resumed.messages.map((m) => [m.seq, m.body.text]), [[2, 'the same id, but of Bob']])
const late = await ann.must({ type: 'publish', room: 'node-room', id: 'n1', body: { text: 'once more' } })
assert.deepEqual([late.seq, late.time], [ack.seq, ack.time])

// Many rooms at once, one of them impossible; a place that never was.
const bulk = await ann.must({ type: 'join', rooms: { 'node-room': 99, lobby: 0, 'Not A Room': 0 } })
const byRoom = Object.fromEntries(bulk.rooms.map((r) => [r.room, r]))
assert.equal(byRoom['node-room'].recovered, false)
assert.equal(byRoom['node-room'].messages.length, 2)
assert.equal(byRoom.lobby.recovered, true)
assert.equal(byRoom['Not A Room'].error.code, 'invalid')

const history = await ann.must({ type: 'history', room: 'node-room', before: 2 })
assert.deepEqual([history.messages.map((m) => m.seq), history.more], [[1], false])
await ann.close()
console.log('ws: hello, join, publish, ack, message, resend, restart, session, resume')

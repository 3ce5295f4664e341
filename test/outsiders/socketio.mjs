// A client of Parley on the official socket.io-client, written from the protocol
// alone, in one room with one of the plain framing. Its arguments are the
// transports that it may use, in this order.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { io } from 'socket.io-client'
import { open } from '../control.mjs'
import { Client, patiently } from './plain.mjs'

const transports = process.argv.slice(2)

/** A socket whose events wait in a list. It comes back by itself, as the one it was. */
class Guest {
  session = null
  #events = []
  #wake = () => {}

  constructor(url, name) {
    this.socket = io(url, {
      transports,
      forceNew: true,
      reconnectionDelay: 100,
      reconnectionDelayMax: 1000,
      auth: (send) => send(this.session ? { session: this.session } : { name }),
    })
    this.socket.onAny((type, event) => {
      assert.equal(event.type, type)
      this.#events.push(event)
      this.#wake()
    })
  }

  async hello() {
    if (!this.socket.connected) await patiently('a connection', once(this.socket, 'connect'))
    const hello = await this.must('hello', {})
    this.session = hello.session
    return hello
  }

  ask(word, fields) {
    return patiently(`an answer to ${word}`, this.socket.emitWithAck(word, fields))
  }

  async must(word, fields) {
    const answer = await this.ask(word, fields)
    assert.equal(answer.type, 'ack', JSON.stringify(answer))
    return answer
  }

  async refused(code, word, fields) {
    const answer = await this.ask(word, fields)
    assert.deepEqual([answer.type, answer.code], ['error', code], JSON.stringify(answer))
  }

  next(wanted) {
    return patiently('the event', new Promise((resolve) => {
      this.#wake = () => {
        while (this.#events.length) {
          const event = this.#events.shift()
          if (!wanted(event)) continue
          this.#wake = () => {}
          return resolve(event)
        }
      }
      this.#wake()
    }))
  }
}

const isMessage = (e) => e.type === 'message'
const isBye = (e) => e.type === 'bye'
const server = await open()
const ann = new Guest(server.url, 'Ann of Socket.IO')
const bob = await Client.connect(server.url)

// Hello: CONNECT's auth says it, and the word asks for its ack.
const hello = await ann.hello()
assert.equal(hello.user.name, 'Ann of Socket.IO')
assert.ok(hello.session.length >= 22 && hello.heartbeat.interval > 0 && hello.limits.body === 65536)
const other = await bob.must({ type: 'hello', name: 'bob' })

// If it may, it goes on over WebSocket, and nobody notices.
const upgraded = transports.length === 1 || ann.socket.io.engine.transport.name === 'websocket'
  ? Promise.resolve()
  : patiently('the upgrade', once(ann.socket.io.engine, 'upgrade'))

// One room, two framings: the same messages, and the same people.
const joined = await ann.must('join', { room: 'one-room' })
assert.deepEqual([joined.room, joined.last, joined.messages, joined.more], ['one-room', 0, [], false])
assert.equal((await bob.must({ type: 'join', room: 'one-room' })).count, 2)
assert.deepEqual((await ann.next((e) => e.type === 'presence' && e.online)).user, other.user)
const talk = 200
const acks = []
for (let i = 1; i <= talk; i += 2) { // one after the other, from both sides
  acks.push(await ann.must('publish', { room: 'one-room', id: `a${i}`, body: { text: `grüße, 世界 👋 <b> ${i}` } }))
  acks.push(await bob.must({ type: 'publish', room: 'one-room', id: `b${i}`, body: { text: `and back ${i}` } }))
}
for (let i = 0; i < talk; i++) {
  const mine = i % 2 === 0
  const want = {
    type: 'message', room: 'one-room', seq: i + 1, id: mine ? `a${i + 1}` : `b${i}`, from: mine ? hello.user : other.user,
    time: acks[i].time, kind: 'text', body: { text: mine ? `grüße, 世界 👋 <b> ${i + 1}` : `and back ${i}` },
  }
  assert.deepEqual(await ann.next(isMessage), want)
  assert.deepEqual(await bob.next(isMessage), want)
}
await upgraded
assert.equal(ann.socket.io.engine.transport.name, transports.at(-1))

// Sent again, by whichever framing: the first ack, and no second message.
const again = await ann.must('publish', { room: 'one-room', id: 'a1', body: { text: 'something else' } })
assert.deepEqual([again.seq, again.time], [acks[0].seq, acks[0].time])

// The other words.
await bob.must({ type: 'signal', room: 'one-room', kind: 'typing', body: { on: true } })
const signal = await ann.next((e) => e.type === 'signal')
assert.deepEqual([signal.from, signal.kind, signal.body], [other.user, 'typing', { on: true }])
await ann.must('signal', { room: 'one-room', kind: 'moved' })
assert.deepEqual((await bob.next((e) => e.type === 'signal')).kind, 'moved')
const page = await ann.must('history', { room: 'one-room', before: 3 })
assert.deepEqual([page.messages.map((m) => m.id), page.more], [['a1', 'b1'], false])
assert.equal((await ann.must('presence', { room: 'one-room' })).count, 2)
await ann.must('read', { room: 'one-room', seq: talk })
const { rooms } = await ann.must('rooms')
assert.deepEqual(rooms.map((r) => [r.id, r.last, r.read, r.unread]), [['one-room', talk, talk, 0]])
const { room: direct } = await ann.must('direct', { user: other.user.id })
assert.equal((await bob.next((e) => e.type === 'room' && e.id === direct)).name, 'Ann of Socket.IO')
await ann.must('ping')
await ann.refused('unknown_type', 'dance', {})
await ann.refused('not_found', 'publish', { room: 'nowhere', id: '1', body: { text: 'hi' } })
await ann.refused('invalid', 'join', 'one-room')
await ann.refused('too_large', 'publish', { room: 'one-room', id: 'x', kind: 'x-a', body: 'x'.repeat(65_537) })
ann.socket.emit('publish', { room: 'nowhere', id: '2', body: { text: 'nobody waits for the ack' } })
assert.equal((await ann.next((e) => e.type === 'error')).code, 'not_found')

// The server restarts: the client is told when to come back, and does by itself, as the same user; then it dies.
for (const end of ['stop', 'kill']) {
  const gone = patiently('the end', once(ann.socket, 'disconnect'))
  const back = patiently('the return', once(ann.socket, 'connect'))
  const said = end === 'stop' ? ann.next(isBye) : undefined
  const stopped = server[end]()
  if (said) {
    const bye = await said
    assert.deepEqual([bye.code, bye.retry_after > 0], [1001, true])
  }
  const [reason] = await gone
  assert.ok(['transport close', 'transport error'].includes(reason), reason)
  assert.ok(ann.socket.active, 'the client means to come back')
  await stopped
  await server.start()
  await back
  assert.deepEqual((await ann.hello()).user, hello.user)
  const resumed = await ann.must('join', { room: 'one-room', since: talk - 1 })
  assert.deepEqual([resumed.recovered, resumed.more, resumed.last], [true, false, talk])
  assert.deepEqual(resumed.messages.map((m) => m.id), [`b${talk - 1}`])
  const late = await ann.must('publish', { room: 'one-room', id: 'a1', body: { text: 'once more' } })
  assert.deepEqual([late.seq, late.time], [acks[0].seq, acks[0].time])
}

// Who is not believed is told so, and does not come back by itself: in CONNECT, and by the word.
const bad = new Guest(server.url, '')
bad.session = 'made-up'
const [error] = await patiently('a refusal', once(bad.socket, 'connect_error'))
assert.deepEqual([error.data.code, error.message, error.data.bye.code], ['unauthorized', error.data.message, 4500])
assert.equal(bad.socket.active, false)
const gone = patiently('the end', once(ann.socket, 'disconnect'))
await ann.refused('unauthorized', 'hello', { session: 'made-up' })
assert.equal((await ann.next(isBye)).code, 4500)
assert.deepEqual([(await gone)[0], ann.socket.active], ['io server disconnect', false])

// Two connections of one person, of two framings: what the one reads the other is told of.
ann.socket.connect()
await ann.hello()
const tab = await Client.connect(server.url)
await tab.must({ type: 'hello', session: hello.session })
await tab.must({ type: 'join', room: 'one-room', since: talk })
const fresh = await tab.must({ type: 'publish', room: 'one-room', id: 'last', body: { text: 'the last word' } })
await tab.must({ type: 'read', room: 'one-room', seq: fresh.seq })
const read = await ann.next((e) => e.type === 'read')
assert.deepEqual([read.room, read.seq], ['one-room', fresh.seq])
ann.socket.disconnect()
await tab.close()
console.log(`socket.io-client (${transports}): hello, join, publish, ack, message, upgrade, resend, restart, resume, refusal`)

// A conversation with the server of server_test.go, in Node and in browsers. Whatever goes wrong ends it with an error.

const PATIENCE = 60_000 // ms

/** Has the client `io` go through all of it: task is as in clients_test.go. */
export async function converse(io, task) {
  const talk = new Talk(io, task)
  const socket = await talk.events()
  await talk.binary(socket)
  await talk.namespaces(socket)
  await talk.flags(socket)
  await talk.refusal()
  await talk.rooms()
  await talk.numbers()
  await talk.ends()
  if (task.recovery) await talk.recovery()
  await talk.restart(socket)
  socket.disconnect()
}

/** What promise gives, which must not take too long. */
function within(what, promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come`)), PATIENCE)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

const event = (socket, name) => within(name, new Promise((resolve) => socket.once(name, (...args) => resolve(args))))
const ask = (socket, name, ...args) =>
  within(`the ack of ${name}`, new Promise((resolve) => socket.emit(name, ...args, (...answer) => resolve(answer))))
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const bytes = (...values) => Uint8Array.from(values)
const utf8 = (text) => new TextEncoder().encode(text)

/** The value with its keys in order, and with whatever the platform has for binary data as lists of numbers. */
function plain(value) {
  if (value instanceof ArrayBuffer) return plain(new Uint8Array(value))
  if (ArrayBuffer.isView(value)) return { bytes: Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) }
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, plain(value[key])]))
}

function same(got, want, what = 'what came') {
  const [a, b] = [JSON.stringify(plain(got)), JSON.stringify(plain(want))]
  if (a !== b) throw new Error(`${what} is ${a?.slice(0, 500)}, and should be ${b.slice(0, 500)}`)
}

function check(right, what) {
  if (!right) throw new Error(what)
}

class Talk {
  constructor(io, task) {
    this.io = io
    this.task = task
  }

  connect(url, options = {}) {
    return this.io(url, { transports: this.task.transports, forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 100, ...options })
  }

  async connected(url, options) {
    const socket = this.connect(url, options)
    await event(socket, 'connect')
    return socket
  }

  /** Waits for the upgrade, if there is to be one. */
  async settle(socket) {
    const { transports } = this.task
    if (transports.includes('websocket')) {
      while (!(await ask(socket, 'transport'))[0]);
    } else {
      same(await ask(socket, 'transport'), [false])
    }
  }

  /** Events, and acks both ways. */
  async events() {
    const socket = this.connect(this.task.url, { auth: { token: 'Ann' } })
    same(await event(socket, 'welcome'), ['Ann'])
    const values = [1, -2.5, 'ü 🌍 \u0000\u001e"\\', null, true, { a: [{ b: 'c' }] }, [[]]]
    same(await ask(socket, 'echo', ...values), values)
    same(await ask(socket, 'echo'), [])
    const back = event(socket, 'back')
    socket.emit('back', ...values)
    same(await back, values)
    socket.on('question', (n, data, answer) => answer(n + 1, bytes(...plain(data).bytes, 4)))
    same(await ask(socket, 'ask'), [2, bytes(1, 2, 3, 4)])
    const long = 'x'.repeat(400_000)
    same(await ask(socket, 'echo', long), [long])
    await this.settle(socket)
    return socket
  }

  /** Binary both ways, wherever it is. */
  async binary(socket) {
    const values = [bytes(0, 1, 255), { a: [utf8('x'), { b: bytes() }], n: 1.5 }, 'text', new Uint8Array(100_000).fill(7)]
    same(await ask(socket, 'echo', ...values), values)
    const back = event(socket, 'back')
    socket.emit('back', ...values)
    same(await back, values)
  }

  async namespaces(socket) {
    const admin = socket.io.socket('/admin')
    await event(admin, 'connect')
    check(admin.id !== socket.id && admin.id !== socket.io.engine.id, 'ids are of more than one thing')
    same(await ask(admin, 'echo', 1, utf8('a')), [1, utf8('a')])
    const nowhere = socket.io.socket('/nowhere')
    same((await event(nowhere, 'connect_error'))[0].message, 'Invalid namespace')
    nowhere.disconnect()
    admin.disconnect()
    same(await ask(socket, 'echo', 'still here'), ['still here'])
  }

  /** Volatile events, of which some may be dropped, and timeouts of acks that do not come. */
  async flags(socket) {
    let perhaps = false
    socket.on('perhaps', () => (perhaps = true))
    while (!perhaps) await ask(socket, 'volatile')
    while (!(await ask(socket, 'heard'))[0]) {
      await pause(10) // until what asked has left
      socket.volatile.emit('hear')
    }
    same(await ask(socket, 'never'), [true])
    if (socket.timeout) { // the old one has none
      const error = await within('the timeout', new Promise((resolve) => socket.timeout(1).emit('silence', resolve)))
      check(error instanceof Error, `the timeout is ${error}`)
    }
  }

  async refusal() {
    const socket = this.connect(this.task.url, { auth: { token: 'bad' } })
    const [error] = await event(socket, 'connect_error')
    same(error.message, 'not you')
    same(error.data, { code: 42 })
    // It may try again, over the same connection.
    socket.auth.token = 'good'
    const welcome = event(socket, 'welcome')
    socket.connect()
    same(await welcome, ['good'])
    socket.disconnect()
  }

  async rooms() {
    const { url } = this.task
    const [a, b, c] = await Promise.all([this.connected(url), this.connected(url), this.connected(url)])
    const all = { a, b, c }
    const heard = { a: [], b: [], c: [] }
    for (const [name, socket] of Object.entries(all)) {
      socket.on('said', (what, data) => heard[name].push(data ? `${what} ${plain(data).bytes}` : what))
      socket.on('vote', (answer) => answer(name.charCodeAt(0)))
    }
    await Promise.all([ask(a, 'join', 'r'), ask(b, 'join', 'r')])
    const say = (how, what) => ask(a, 'say', { how, room: 'r', text: what })
    await say('to', '1')
    await say('in', '2')
    await say('except', '3')
    await say('broadcast', '4')
    await say('all', '5')
    await ask(b, 'leave', 'r')
    await say('in', '6')
    // What was sent before an ack has come before it.
    await Promise.all(Object.values(all).map((socket) => ask(socket, 'echo')))
    same(heard, { a: ['2 50', '5', '6 54'], b: ['1', '2 50', '4', '5'], c: ['3', '4', '5'] })
    await Promise.all([ask(b, 'join', 'r'), ask(c, 'join', 'r'), ask(c, 'leave', 'r')])
    same(await ask(a, 'poll', 'r'), ['a'.charCodeAt(0) + 'b'.charCodeAt(0)])
    b.off('vote')
    same(await ask(a, 'poll in vain', 'r'), [true])
    for (const socket of Object.values(all)) socket.disconnect()
  }

  /** 5,000 events either way, from the first moment on: none is lost, none comes before another. */
  async numbers() {
    const n = 5000
    const socket = this.connect(this.task.url)
    let next = 0
    const all = within(
      'the last number',
      new Promise((resolve, reject) => {
        socket.on('number', (i) => {
          if (i !== next++) reject(new Error(`${i} came, not ${next - 1}`))
          else if (next === n) resolve()
        })
      }),
    )
    socket.on('so far', (answer) => answer())
    await event(socket, 'connect')
    socket.emit('count', n)
    for (let i = 0; i < n; i++) {
      socket.emit('number', i)
      if (i % 100 === 0) await pause(1)
    }
    same(await ask(socket, 'counted'), [n, 0])
    await all
    await this.settle(socket)
    socket.disconnect()
  }

  async ends() {
    for (const how of ['kick', 'leave me', 'panic']) {
      const socket = await this.connected(this.task.url)
      const end = event(socket, 'disconnect')
      socket.emit(how)
      same((await end)[0], 'io server disconnect', `the reason of ${how}`)
      socket.io.engine.close()
    }
    // One whose connection is closed comes back by itself.
    const socket = await this.connected(this.task.url)
    const id = socket.id
    const again = event(socket, 'disconnect').then(() => event(socket, 'connect'))
    socket.emit('drop')
    await again
    check(socket.id !== id, 'it comes back as the same')
    socket.disconnect()
  }

  /** All sockets of a connection come back when the server was started anew. */
  async restart(socket) {
    const admin = socket.io.socket('/admin')
    if (!admin.active) admin.connect() // the old one leaves that to us
    await event(admin, 'connect')
    const both = [socket, admin]
    const again = both.map((one) => event(one, 'disconnect').then(() => event(one, 'connect')))
    socket.emit('restart')
    await Promise.all(again)
    for (const one of both) same(await ask(one, 'echo', 'back again'), ['back again'])
  }

  async recovery() {
    const a = await this.connected(this.task.recovery, { auth: { token: 'Ann' } })
    const b = await this.connected(this.task.recovery)
    const heard = []
    a.on('said', (what) => heard.push(what))
    await ask(a, 'join', 'r')
    const say = (how, room, what) => ask(b, 'say', { how, room, text: what })
    await say('to', 'r', '1')
    await ask(a, 'echo')
    const id = a.id
    const gone = event(a, 'disconnect')
    a.io.reconnection(false)
    a.io.engine.close()
    await gone
    await say('to', 'r', '2')
    await say('to', 'elsewhere', 'not for a')
    await say('in', 'r', '3')
    await say('all', '', '4')
    a.io.reconnection(true)
    const again = event(a, 'connect')
    a.connect()
    await again
    check(a.recovered && a.id === id, 'it was not recovered')
    await say('to', 'r', '5')
    await ask(a, 'echo')
    same(heard, ['1', '2', '3', '4', '5'])
    a.disconnect()
    b.disconnect()
  }
}

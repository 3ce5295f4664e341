// A connection of the plain framing, on npm's ws.
import assert from 'node:assert/strict'
import WebSocket from 'ws'

const PATIENCE = 30_000

/** A connection whose requests are promises and whose events wait in a list. */
export class Client {
  static async connect(url) {
    const socket = new WebSocket(url.replace('http', 'ws') + '/ws', 'parley.v1.json')
    const client = new Client(socket)
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    assert.equal(socket.protocol, 'parley.v1.json')
    return client
  }

  #ref = 0
  #answers = new Map()
  #events = []
  #wake = () => {}

  constructor(socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {}) // a close follows, which is what is waited for
    socket.on('message', (data, isBinary) => {
      assert.equal(isBinary, false)
      const frame = JSON.parse(data.toString())
      if (frame.ref === undefined) {
        this.#events.push(frame)
        this.#wake()
      } else {
        this.#answers.get(frame.ref)(frame)
        this.#answers.delete(frame.ref)
      }
    })
  }

  /** Sends a request and resolves with the answer, ack or error. */
  ask(request) {
    const ref = `r${++this.#ref}`
    this.socket.send(JSON.stringify({ ref, ...request }))
    return patiently(`an answer to ${request.type}`, new Promise((resolve) => this.#answers.set(ref, resolve)))
  }

  async must(request) {
    const answer = await this.ask(request)
    assert.equal(answer.type, 'ack', JSON.stringify(answer))
    return answer
  }

  /** The next event that the test wants, passing over the others. */
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

  async close() {
    this.socket.close()
    await this.closed
  }
}

/** Resolves as promise does, or rejects when it takes too long. */
export async function patiently(what, promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come`)), PATIENCE)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

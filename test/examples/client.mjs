// A client on npm's ws that keeps what comes until the test asks for it.
import assert from 'node:assert/strict'
import WebSocket from 'ws'

const PATIENCE = 30_000

export class Client {
  #waiting = []
  #came = []

  /**
   * Connects, offering subprotocols and, unless deflate is false, permessage-deflate, to which every example agrees; texts that
   * match ignore are passed over.
   */
  static async open(url, { protocols = [], ignore, deflate = true } = {}) {
    const client = new Client()
    const socket = new WebSocket(url, protocols, { origin: 'http://elsewhere.example', perMessageDeflate: deflate && { threshold: 1 } })
    client.socket = socket
    socket.on('message', (data, isBinary) => {
      if (isBinary) client.#put({ binary: data })
      else if (!ignore?.test(data.toString())) client.#put({ text: data.toString() })
    })
    socket.on('pong', (data) => client.#put({ pong: data.toString() }))
    socket.on('close', (code, reason) => client.#put({ close: code, reason: reason.toString() }))
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    socket.on('error', () => {}) // a close follows
    assert.equal(socket.extensions, deflate ? 'permessage-deflate' : '')
    return client
  }

  #put(event) {
    const waiting = this.#waiting.shift()
    if (waiting) waiting(event)
    else this.#came.push(event)
  }

  /** The next thing that comes: {text}, {binary}, {pong} or {close, reason}. */
  next() {
    if (this.#came.length) return Promise.resolve(this.#came.shift())
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`nothing came in ${PATIENCE} ms`)), PATIENCE)
      this.#waiting.push((event) => {
        clearTimeout(timer)
        resolve(event)
      })
    })
  }

  async expect(...events) {
    for (const event of events) assert.deepEqual(await this.next(), event)
  }

  async expectText(...texts) {
    for (const text of texts) await this.expect({ text })
  }

  send(data) {
    this.socket.send(typeof data === 'string' || Buffer.isBuffer(data) ? data : JSON.stringify(data))
  }

  /** Checks that nothing more has come than what was asked for, and closes. */
  async close(code = 1000) {
    this.socket.close(code)
    const event = await this.next()
    assert.equal(event.close, code, JSON.stringify(event))
  }
}

// Clients on npm's ws and on Python's websockets, on different nodes, talk. The
// Python one is a child of this: each says what the other must hear.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import WebSocket from 'ws'

const nodes = process.env.CLUSTER_NODES.trim().split(' ')
const TURNS = 20

/** A connection on which requests are answered in order, and messages handed to hear. */
async function connect(url, name, hear) {
  const socket = new WebSocket(url.replace('http', 'ws') + '/ws', 'parley.v1.json')
  const answers = new Map()
  socket.on('message', (data) => {
    const frame = JSON.parse(data.toString())
    if (frame.ref !== undefined) answers.get(frame.ref)(frame)
    else if (frame.type === 'message') hear(frame)
  })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  let ref = 0
  const must = async (request) => {
    const answer = new Promise((resolve) => answers.set(++ref, resolve))
    socket.send(JSON.stringify({ ref, ...request }))
    const frame = await answer
    assert.equal(frame.type, 'ack', JSON.stringify(frame))
    return frame
  }
  await must({ type: 'hello', name })
  await must({ type: 'join', room: 'outsiders' })
  return { socket, must }
}

const end = setTimeout(() => {
  console.error('they were not done in two minutes')
  process.exit(1)
}, 120_000)

const heard = []
let wake = () => {}
const node = await connect(nodes[0], 'Node', (message) => {
  heard.push(message)
  wake()
})
const python = spawn('/usr/bin/python3', ['cluster/outsider.py', nodes[1], String(TURNS)], { stdio: ['ignore', 'inherit', 'inherit'] })
const over = new Promise((resolve) => python.once('exit', resolve))

// Turn by turn: Python says n, this answers n, Python says n+1.
for (let turn = 0; turn < TURNS; turn++) {
  while (!heard.some((m) => m.body.text === `python ${turn}`)) await new Promise((resolve) => { wake = resolve })
  await node.must({ type: 'publish', room: 'outsiders', id: `n${turn}`, body: { text: `node ${turn}` } })
}
assert.equal(await over, 0)

const reader = await connect(nodes[2], 'Reader', () => {})
const { messages } = await reader.must({ type: 'history', room: 'outsiders', after: 0, limit: 200 })
const want = Array.from({ length: TURNS }, (_, turn) => [`python ${turn}`, `node ${turn}`]).flat()
assert.deepEqual(messages.map((m) => m.body.text), want)
while (heard.length < want.length) await new Promise((resolve) => { wake = resolve })
assert.deepEqual(heard.map((m) => m.body.text), want)
node.socket.close()
reader.socket.close()
clearTimeout(end)
console.log(`ws on one node and websockets on another took ${TURNS} turns each; a third node tells it so`)

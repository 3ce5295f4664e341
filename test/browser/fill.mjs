// Lines that nobody has to type.
import WebSocket from 'ws'

/** Says lines in a room without a page, as fast as the acks come. */
export async function fill(url, name, room, texts) {
  const socket = new WebSocket(url.replace('http', 'ws') + '/ws', 'parley.v1.json')
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const requests = [
    { type: 'hello', name },
    { type: 'join', room },
    ...texts.map((text, i) => ({ type: 'publish', room, id: `f${i}`, body: { text } })),
  ]
  const done = new Promise((resolve, reject) => {
    socket.on('message', (data) => {
      const frame = JSON.parse(data)
      if (frame.type === 'error') reject(new Error(JSON.stringify(frame)))
      if (frame.ref === requests.length - 1) resolve()
    })
    socket.once('close', () => reject(new Error('the connection ended')))
  })
  requests.forEach((request, ref) => socket.send(JSON.stringify({ ref, ...request })))
  await done
  socket.close()
}

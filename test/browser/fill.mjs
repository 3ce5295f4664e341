// Lines that nobody has to type.
import WebSocket from 'ws'

/** Says lines in a room without a page, as fast as the acks come. */
export const fill = (url, name, room, texts) =>
  ask(url, { name }, [
    { type: 'join', room },
    ...texts.map((text, i) => ({ type: 'publish', room, id: `f${i}`, body: { text } })),
  ])

/** Says hello and then all requests, and waits until the last is answered. Any refusal fails. */
export async function ask(url, hello, requests) {
  const socket = new WebSocket(url.replace('http', 'ws') + '/ws', 'parley.v1.json')
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const all = [{ type: 'hello', ...hello }, ...requests]
  const answers = []
  const done = new Promise((resolve, reject) => {
    socket.on('message', (data) => {
      const frame = JSON.parse(data)
      if (frame.type === 'error') reject(new Error(JSON.stringify(frame)))
      if (frame.type !== 'ack') return
      answers[frame.ref] = frame
      if (frame.ref === all.length - 1) resolve(answers)
    })
    socket.once('close', () => reject(new Error('the connection ended')))
  })
  all.forEach((request, ref) => socket.send(JSON.stringify({ ref, ...request })))
  await done
  socket.close()
  return answers
}

// An echo server on npm's ws: see doc.go.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { WebSocketServer } from 'ws'
import { chops, deflateOptions } from './words.mjs'

const { cert, key, mode, long } = JSON.parse(readFileSync(0, 'utf8'))
const http = key
  ? createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) })
  : createServer()
const server = new WebSocketServer({
  server: http,
  perMessageDeflate: deflateOptions(mode),
  handleProtocols: (offered) => (offered.has('interop') ? 'interop' : false),
})
server.on('connection', (socket) => {
  socket.on('error', (error) => console.error(error))
  socket.on('message', (data, isBinary) => {
    switch (isBinary ? '' : data.toString()) {
      case '!fragments':
        chops(socket, long, 1000)
        break
      case '!ping':
        socket.once('pong', (payload) => socket.send(payload.toString() === 'are you there' ? 'ponged' : 'another pong'))
        socket.ping('are you there')
        break
      case '!close':
        socket.close(4321, 'as you wish')
        break
      default:
        socket.send(data, { binary: isBinary })
    }
  })
  socket.on('close', (code, reason) => {
    if (code !== 4321 && (code !== 4001 || reason.toString() !== 'thanks')) console.error(`closed with ${code} ${reason}`)
  })
})
http.listen(0, '127.0.0.1', () => console.log(http.address().port))

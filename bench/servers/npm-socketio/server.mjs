// The work of the benchmarks done by socket.io, as it comes: see ../socketio. Run it with node --expose-gc.
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { Server } from 'socket.io'

const { values: flags } = parseArgs({ options: { listen: { type: 'string', default: '127.0.0.1:0' } } })

const server = createServer((_, response) => response.writeHead(404).end())
const io = new Server(server)
io.on('connection', (socket) => {
  socket.on('echo', (message) => socket.emit('echo', message))
  socket.on('broadcast', (message) => io.emit('broadcast', message))
})

process.on('SIGUSR1', () => globalThis.gc())
const [host, port] = flags.listen.split(':')
server.listen({ host, port, backlog: 4096 }, () => console.log('listening on', `${host}:${server.address().port}`))

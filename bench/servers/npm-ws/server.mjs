// The work of the benchmarks done by ws: see ../parley. Run it with node --expose-gc.
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { WebSocket, WebSocketServer } from 'ws';

const { values: flags } = parseArgs({
  options: {
    listen: { type: 'string', default: '127.0.0.1:0' },
    compress: { type: 'boolean', default: false },
  },
});

const options = {
  noServer: true,
  maxPayload: 64 * 1024 * 1024,
  perMessageDeflate: flags.compress && {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    zlibDeflateOptions: { level: 1 }, // as the others have it
  },
};

const echo = new WebSocketServer(options);
echo.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => {}); // what has broken closes by itself
});

const broadcast = new WebSocketServer(options);
broadcast.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => {
    for (const client of broadcast.clients) {
      if (client.readyState === WebSocket.OPEN) {
        client.send(data, { binary: isBinary });
      }
    }
  });
  socket.on('error', () => {});
});

const paths = { '/echo': echo, '/broadcast': broadcast };
const server = createServer((_, response) => response.writeHead(404).end());
server.on('upgrade', (request, socket, head) => {
  const wss = paths[request.url];
  if (!wss) {
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
    return;
  }
  wss.handleUpgrade(request, socket, head, (client) => wss.emit('connection', client, request));
});
process.on('SIGUSR1', () => globalThis.gc());
const [host, port] = flags.listen.split(':');
server.listen({ host, port, backlog: 4096 }, () => console.log('listening on', `${host}:${server.address().port}`));

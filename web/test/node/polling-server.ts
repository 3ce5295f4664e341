import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

const SEPARATOR = '\x1e';

/** Engine.IO over HTTP long-polling, worked by hand: what the client posts is awaited, what is pushed goes into its polls. */
export class PollingServer {
  /** Each request: method and query. */
  readonly requests: URLSearchParams[] = [];
  /** Refuses every request with this status. */
  refusal: number | undefined;
  readonly #server: Server;
  #outbox: string[] = [];
  #poll: ServerResponse | undefined;
  readonly #inbox: string[] = [];
  #arrived: () => void = () => undefined;

  constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Answers a poll with these packets, in one payload. */
  push(...packets: string[]): void {
    this.#outbox.push(...packets);
    if (!this.#poll) return;
    this.#poll.end(this.#outbox.join(SEPARATOR));
    this.#poll = undefined;
    this.#outbox = [];
  }

  /** The next packet that the client posts. */
  async next(): Promise<string> {
    for (;;) {
      const packet = this.#inbox.shift();
      if (packet !== undefined) return packet;
      await new Promise<void>((resolve) => (this.#arrived = resolve));
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://localhost');
    this.requests.push(url.searchParams);
    if (this.refusal !== undefined || url.pathname !== '/socket.io/') {
      response.writeHead(this.refusal ?? 404).end();
    } else if (request.method === 'POST') {
      this.#inbox.push(...(await text(request)).split(SEPARATOR));
      response.end('ok');
      this.#arrived();
    } else if (!url.searchParams.has('sid')) {
      const times = { pingInterval: 60_000, pingTimeout: 60_000, maxPayload: 100_000 };
      response.end(`0${JSON.stringify({ sid: 'secret', upgrades: ['websocket'], ...times })}`);
    } else {
      this.#poll = response;
      if (this.#outbox.length > 0) this.push();
    }
  }
}

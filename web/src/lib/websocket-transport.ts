import { SUBPROTOCOL } from './protocol';
import type { Connect, Incoming, Outgoing, Transport, TransportEvents } from './transport';

/** The plain framing: one JSON object a text message. */
export class WebSocketTransport implements Transport {
  readonly #socket: WebSocket;
  #done = false;

  constructor(url: string, events: TransportEvents) {
    this.#socket = new WebSocket(url, [SUBPROTOCOL]);
    this.#socket.onopen = () => {
      if (!this.#done) events.opened();
    };
    this.#socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      const incoming = decode(data);
      if (!this.#done && incoming) events.received(incoming);
    };
    this.#socket.onclose = ({ code, reason }) => {
      if (this.#done) return;
      this.#done = true;
      events.closed(code, reason);
    };
  }

  send(request: Outgoing): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(request));
  }

  close(): void {
    this.#done = true;
    this.#socket.close();
  }
}

/** Undefined for what is no word at all: a newer server may say things this page does not know. */
function decode(data: unknown): Incoming | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const value: unknown = JSON.parse(data);
    const isWord = typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
    return isWord ? (value as Incoming) : undefined;
  } catch {
    return undefined;
  }
}

/** Connects to `/ws` of the server this page came from. */
export const connectWebSocket: Connect = (events) => {
  const url = new URL('/ws', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return new WebSocketTransport(url.href, events);
};

/** One request on its way: the word, `ref` if an answer is wanted, and the word's fields beside them. */
export interface Outgoing {
  type: string;
  ref?: number;
  [field: string]: unknown;
}

/** An ack, an error or an event. An ack or error that answers a request carries its `ref`. */
export interface Incoming {
  type: string;
  ref?: unknown;
  [field: string]: unknown;
}

/** What a transport tells. Nothing is told after `closed`, nor after the client itself has called `close`. */
export interface TransportEvents {
  /** Hello may be said. Told again where another way had to be found: what was sent before is lost. */
  opened(): void;
  received(incoming: Incoming): void;
  closed(code: number, reason: string): void;
}

/** One connection that carries whole words, whatever the framing beneath. It is used once. */
export interface Transport {
  /** Only after `opened`. What cannot be sent any more is dropped: `closed` follows. */
  send(request: Outgoing): void;
  close(): void;
}

/** Begins to connect. Failing to is told through `closed`. */
export type Connect = (events: TransportEvents) => Transport;

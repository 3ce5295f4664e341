import type { Connect, Incoming, Outgoing, Transport, TransportEvents } from '../../src/lib/transport';

/** The other end of one connection, worked by hand. */
export class FakeConnection implements Transport {
  readonly sent: Outgoing[] = [];
  isClosed = false;

  constructor(readonly events: TransportEvents) {}

  send(request: Outgoing): void {
    this.sent.push(request);
  }

  close(): void {
    this.isClosed = true;
  }

  receive(incoming: Incoming): void {
    if (!this.isClosed) this.events.received(incoming);
  }

  /** Answers the last request of a word. */
  answer(word: string, fields: object): void {
    const request = this.sent.findLast((candidate) => candidate.type === word);
    if (request?.ref === undefined) throw new Error(`nothing to answer: no ${word} was sent with a ref`);
    this.receive({ type: 'ack', ref: request.ref, ...fields });
  }

  refuse(word: string, error: { code: string; message?: string; retry_after?: number }): void {
    const request = this.sent.findLast((candidate) => candidate.type === word);
    this.receive({ type: 'error', ref: request?.ref, message: 'No.', ...error });
  }

  drop(code = 1006, reason = ''): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.events.closed(code, reason);
  }
}

export class FakeNetwork {
  readonly connections: FakeConnection[] = [];

  readonly connect: Connect = (events) => {
    const connection = new FakeConnection(events);
    this.connections.push(connection);
    return connection;
  };

  get latest(): FakeConnection {
    const latest = this.connections.at(-1);
    if (!latest) throw new Error('nothing has connected');
    return latest;
  }
}

export const helloAck = {
  user: { id: 'u1', name: 'ann' },
  session: 's1',
  heartbeat: { interval: 25_000, timeout: 10_000 },
  limits: { body: 65_536, rate: 20, burst: 60 },
};

/** pg's pool and clients as far as Pulse uses them, with the messages of COPY: between a process and the model. */
import { EventEmitter } from 'node:events';
import { DatabaseError, type Pool } from 'pg';
import type { CopyStreamQuery } from 'pg-copy-streams';
import type { Cut } from './amqp-connection.ts';
import { refusal, Session, type PostgresModel, type Result } from './postgres-model.ts';
import { linesOfBinary } from '../support/binary-copy.ts';
import { Pipe, type SimProcess } from './world.ts';

/** The first bytes of the messages in a COPY. */
const COPY_DATA = 0x64;
const HEADER_BYTES = 5;

/** The methods that pg calls on a COPY stream. */
type CopyStream = CopyStreamQuery & {
  submit(connection: object): void;
  handleCopyInResponse(connection: object): void;
  handleCommandComplete(complete: { text: string }): void;
  handleReadyForQuery(): void;
  handleError(error: Error): void;
};

/** One query that waits for its turn or its answer. */
interface Query {
  readonly start: () => void;
  readonly fail: (error: Error) => void;
}

export class SimClient extends EventEmitter {
  readonly #process: SimProcess;
  readonly #postgres: PostgresModel;
  readonly #session = new Session();
  readonly #toServer: Pipe;
  readonly #toClient: Pipe;
  readonly #queue: Query[] = [];
  #active: Query | undefined;
  #open = true;
  #cut = false;
  #copying = false;
  /** The COPY data that the server has received. */
  #received: Buffer[] = [];

  constructor(process: SimProcess, postgres: PostgresModel) {
    super();
    this.#process = process;
    this.#postgres = postgres;
    this.#toServer = new Pipe(process.world, `${process.name} ⇒ postgres`);
    this.#toClient = new Pipe(process.world, `${process.name} ⇐ postgres`, process);
    // As the production pool does.
    this.on('error', () => undefined);
    process.onDeath((requestsLost) => {
      this.cut({ dropsToServer: requestsLost, dropsToClient: true });
    });
  }

  get isCut(): boolean {
    return this.#cut;
  }

  /** Each end notices at its own pace. */
  cut({ dropsToServer, dropsToClient }: Cut): void {
    if (this.#cut) return;
    this.#cut = true;
    if (this.#copying) this.#process.world.meet('connection lost in COPY');
    const forget = (): void => {
      this.#postgres.disconnect(this.#session);
    };
    this.#toServer.end('lost', forget, dropsToServer);
    this.#toClient.end(
      'lost',
      () => {
        this.#lose();
      },
      dropsToClient,
    );
  }

  query(query: CopyStream): CopyStream;
  query(query: string | { text: string }, values?: readonly unknown[]): Promise<Result>;
  query(
    query: CopyStream | string | { text: string },
    values: readonly unknown[] = [],
  ): CopyStream | Promise<Result> {
    if (typeof query === 'object' && 'submit' in query) {
      this.#enqueue(this.#copyQuery(query));
      return query;
    }
    const text = typeof query === 'string' ? query : query.text;
    return new Promise((resolve, reject) => {
      const { world } = this.#process;
      const start = (): void => {
        this.#toServer.send(text.trimStart().slice(0, 24), () => {
          if (this.#cut && text === 'COMMIT') {
            world.meet('COMMIT done, answer lost');
          }
          this.#postgres.execute(this.#session, text, values, (answer) => {
            this.#answer(
              answer instanceof DatabaseError ? `error ${answer.code ?? ''}` : 'answer',
              () => {
                if (answer instanceof DatabaseError) reject(answer);
                else resolve(answer);
              },
            );
          });
        });
        if (text !== 'COMMIT') return;
        const arrives = this.#postgres.brokenCommits.shift();
        if (arrives !== undefined) this.cut({ dropsToServer: !arrives, dropsToClient: true });
      };
      this.#enqueue({ start, fail: reject });
    });
  }

  release(error?: Error): void {
    if (!this.#process.alive) return;
    if (error === undefined && this.#open && this.#session.transaction !== undefined) {
      this.#process.world.violate('a client went back to the pool inside a transaction');
    }
    this.cut({ dropsToServer: false, dropsToClient: false });
  }

  #enqueue(query: Query): void {
    if (!this.#process.alive) return;
    if (!this.#open) {
      process.nextTick(query.fail, new Error('Client is not queryable'));
      return;
    }
    this.#queue.push(query);
    this.#next();
  }

  #next(): void {
    if (this.#active !== undefined) return;
    this.#active = this.#queue.shift();
    this.#active?.start();
  }

  /** The server's final answer to the active query. */
  #answer(label: string, settle: () => void): void {
    this.#toClient.send(label, () => {
      if (!this.#open) return;
      this.#active = undefined;
      settle();
      this.#next();
    });
  }

  #copyQuery(copy: CopyStream): Query {
    const connection = {
      query: (): void => {
        this.#copying = true;
        this.#toServer.send('COPY', () => {
          this.#received = [];
          this.#toClient.send('copy in', () => {
            copy.handleCopyInResponse(connection);
          });
        });
      },
      stream: {
        write: (bytes: Buffer): boolean => {
          const copied = Buffer.from(bytes);
          this.#toServer.send('copy data', () => {
            this.#receive(copied, copy);
          });
          if (this.#postgres.brokenCopies > 0) {
            this.#postgres.brokenCopies -= 1;
            this.cut({ dropsToServer: true, dropsToClient: true });
          }
          return true;
        },
        once: (): void => undefined,
      },
      sendCopyFail: (): void => {
        this.#toServer.send('copy fail', () => {
          this.#postgres.fail(this.#session);
          this.#answer('copy failed', () => {
            copy.handleError(refusal('57014', 'COPY from stdin failed'));
          });
        });
      },
    };
    const start = (): void => {
      copy.submit(connection);
    };
    const fail = (error: Error): void => {
      copy.handleError(error);
    };
    return { start, fail };
  }

  #receive(bytes: Buffer, copy: CopyStream): void {
    this.#received.push(bytes);
    const lines = linesOf(Buffer.concat(this.#received));
    if (lines === undefined) return;
    const { rowCount } = this.#postgres.copy(this.#session, lines);
    this.#copying = false;
    this.#answer('copy done', () => {
      copy.handleCommandComplete({ text: `COPY ${rowCount}` });
      copy.handleReadyForQuery();
    });
  }

  /** As pg does it: first the client's error, then every query's. */
  #lose(): void {
    if (!this.#open) return;
    this.#open = false;
    const lost = new Error('Connection terminated unexpectedly');
    const queries = this.#active === undefined ? this.#queue : [this.#active, ...this.#queue];
    this.#active = undefined;
    this.emit('error', lost);
    for (const { fail } of queries) process.nextTick(fail, lost);
  }
}

/** The rows of a complete COPY; undefined while it is incomplete. */
function linesOf(bytes: Buffer): string[] | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] !== COPY_DATA) return linesOfBinary(Buffer.concat(parts));
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) return undefined;
    parts.push(bytes.subarray(at + HEADER_BYTES, end));
    at = end;
  }
  return undefined;
}

/** Creates a pool for one process; `onConnect` gets every client. */
export function createSimPool(
  process: SimProcess,
  postgres: PostgresModel,
  onConnect: (client: SimClient) => void,
): Pool {
  const connect = async (): Promise<SimClient> => {
    const refused = postgres.refusals > 0;
    if (refused) postgres.refusals -= 1;
    await process.ask('postgres connect', () => undefined, {
      fate: refused ? 'refused' : 'answered',
      failure: () => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
    });
    const client = new SimClient(process, postgres);
    onConnect(client);
    return client;
  };
  const query = async (text: string, values: unknown[]): Promise<Result> => {
    const client = await connect();
    try {
      return await client.query(text, values);
    } finally {
      client.release();
    }
  };
  return { connect, query } as unknown as Pool;
}

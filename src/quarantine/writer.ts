/**
 * The quarantine writer: moves dead letters from queue `<q>.dead` into table dead_letters, and acknowledges them
 * after the commit.
 *
 * States:
 * - `waiting`: RabbitMQ is unavailable; nothing is held.
 * - `writing`: at most `prefetch` unacknowledged deliveries are held; those that came together are inserted
 *   together.
 * - `paused`: Postgres is unavailable; the insert is retried with growing delays, and the broker delivers no
 *   more than `prefetch`.
 * - `closed`: what was not acknowledged is delivered to another writer, which drops it by its id if it was
 *   already written.
 */
import type { ConsumeMessage } from 'amqplib';
import { DatabaseError, type Pool } from 'pg';
import { TransientError, type PulseError } from '../core/errors.ts';
import type { DeadLetterReason } from '../contract/rejection.ts';
import { backoffDelayMs, sleep, waitAtMost } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { createOutageLog, type OutageLog } from '../platform/outage-log.ts';
import { startRabbitSession, type RabbitLink } from '../platform/rabbit.ts';
import { topologyNames } from '../platform/topology.ts';
import { insertDeadLetters } from './quarantine-query.ts';
import { fromDelivery, type DeadLetter } from './dead-letter.ts';

export interface QuarantineWriterDeps {
  readonly url: string;
  readonly queue: string;
  readonly pool: Pick<Pool, 'query'>;
  readonly logger: Logger;
  /** Unacknowledged deliveries at a time. Few, because each may be as large as the broker allows. */
  readonly prefetch?: number;
  /** Called after each commit with how many dead letters of each reason are new. */
  readonly onWritten?: (counts: ReadonlyMap<DeadLetterReason, number>) => void;
  /** The writer has stopped and does not start again. */
  readonly onFatal?: (error: PulseError) => void;
}

export interface QuarantineWriter {
  readonly state: 'waiting' | 'writing' | 'paused' | 'closed';
  /** Finishes the current insert, within `timeoutMs`, and closes the connection. */
  close(timeoutMs?: number): Promise<void>;
}

const PREFETCH = 20;
/** Bytes of all bodies in one statement, unless a single body is larger. The driver needs several times as much. */
const INSERT_BYTES_MAX = 4 * 1024 * 1024;
const RETRY = { baseMs: 200, capMs: 10_000 };
const CLOSE_TIMEOUT_MS = 5_000;
/** SQLSTATE classes that blame the row: data exception, integrity violation, program limit. */
const ROW_REFUSED = /^(22|23|54)/;

/** Starts the writer. It connects in the background and runs until it is closed. */
export function startQuarantineWriter(deps: QuarantineWriterDeps): QuarantineWriter {
  const stopping = new AbortController();
  const status = { state: 'waiting' as QuarantineWriter['state'] };
  let writing = Promise.resolve();
  const outage = createOutageLog({
    logger: deps.logger,
    facts: {},
    failedText: 'dead letters cannot be written; retrying',
    endedText: 'dead letters are written again',
  });

  const setup = async (link: RabbitLink): Promise<void> => {
    const inbox: ConsumeMessage[] = [];
    const channel = await link.createChannel();
    await channel.prefetch(deps.prefetch ?? PREFETCH);
    const context = { deps, status, link, stop: stopping.signal, outage };
    const work = async (): Promise<void> => {
      // Deliveries of the same turn of the event loop go into one statement.
      await new Promise(setImmediate);
      const last = await drainInbox(inbox, context);
      // Delivery tags of a lost link are invalid, and would close the next channel.
      if (last !== undefined && link.alive) channel.ack(last, true);
    };
    let queued = false;
    await channel.consume(topologyNames(deps.queue).deadQueue, (delivery) => {
      if (delivery === null) {
        link.fail(
          new TransientError('PULSE_RABBIT_UNREACHABLE', 'The broker cancelled the consumer.'),
        );
        return;
      }
      inbox.push(delivery);
      if (queued) return;
      queued = true;
      writing = writing
        .then(() => {
          queued = false;
          return work();
        })
        .catch((error: unknown) => {
          link.fail(error instanceof Error ? error : new Error('unknown', { cause: error }));
        });
    });
    status.state = 'writing';
  };

  const session = startRabbitSession({
    url: deps.url,
    name: 'pulse quarantine',
    logger: deps.logger,
    setup,
    onLost: () => {
      status.state = 'waiting';
    },
    onFatal: (error) => {
      status.state = 'closed';
      deps.onFatal?.(error);
    },
  });

  return {
    get state() {
      return status.state;
    },
    async close(timeoutMs = CLOSE_TIMEOUT_MS) {
      stopping.abort();
      await waitAtMost(timeoutMs, writing);
      await session.close();
      status.state = 'closed';
    },
  };
}

/** Takes as many from the front as fit into one statement, at least one. */
function takeTogether(inbox: ConsumeMessage[]): ConsumeMessage[] {
  let bytes = 0;
  const fits = inbox.findIndex(({ content }, index) => {
    bytes += content.length;
    return index > 0 && bytes > INSERT_BYTES_MAX;
  });
  return inbox.splice(0, fits === -1 ? inbox.length : fits);
}

interface WriteContext {
  readonly deps: QuarantineWriterDeps;
  readonly status: { state: QuarantineWriter['state'] };
  readonly link: RabbitLink;
  readonly stop: AbortSignal;
  readonly outage: OutageLog;
}

/** Writes what is in the inbox now. @returns The last delivery up to which everything is committed. */
async function drainInbox(
  inbox: ConsumeMessage[],
  context: WriteContext,
): Promise<ConsumeMessage | undefined> {
  let last: ConsumeMessage | undefined;
  for (let left = inbox.length; left > 0;) {
    const taken = takeTogether(inbox);
    const rows = taken.map((delivery) => fromDelivery(delivery, context.deps.queue));
    if (!(await writeUntilDone(rows, context))) return last;
    last = taken.at(-1);
    left -= taken.length;
  }
  return last;
}

/** Retries the insert until it is committed (true), or until the link is lost or the writer closes (false). */
async function writeUntilDone(rows: DeadLetter[], context: WriteContext): Promise<boolean> {
  const { deps, link, stop, outage } = context;
  for (let attempt = 0; link.alive && !stop.aborted; attempt++) {
    try {
      report(await write(rows, deps), deps);
      outage.ended();
      mark(context, 'writing');
      return true;
    } catch (error) {
      mark(context, 'paused');
      outage.failed(error, { attempt });
      await sleep(backoffDelayMs(attempt, RETRY), stop);
    }
  }
  return false;
}

/** The state belongs to the newest link. */
function mark({ status, link }: WriteContext, state: QuarantineWriter['state']): void {
  if (link.alive) status.state = state;
}

/**
 * Inserts all rows. When Postgres refuses the data, each row is inserted alone, and a row that is still refused
 * is stored without its headers and texts, so that it cannot block the others.
 */
async function write(
  rows: readonly DeadLetter[],
  deps: QuarantineWriterDeps,
): Promise<DeadLetterReason[]> {
  try {
    return await insertDeadLetters(deps.pool, rows);
  } catch (error) {
    if (!(error instanceof DatabaseError) || !ROW_REFUSED.test(error.code ?? '')) throw error;
    const [row] = rows;
    if (rows.length === 1 && row !== undefined) {
      deps.logger.error({ err: error, id: row.id }, 'dead letter stored in reduced form');
      return insertDeadLetters(deps.pool, [reduced(row, error.code)]);
    }
    const reasons: DeadLetterReason[] = [];
    for (const one of rows) reasons.push(...(await write([one], deps)));
    return reasons;
  }
}

function reduced(row: DeadLetter, sqlState: string | undefined): DeadLetter {
  return {
    ...row,
    reason: 'unknown',
    detail: `Refused as ${row.reason}; stored without headers because of SQLSTATE ${sqlState ?? 'unknown'}.`,
    headersJson: '{}',
    messageId: null,
    pulseIndex: null,
    exchange: null,
    routingKey: null,
    tenant: null,
  };
}

function report(reasons: readonly DeadLetterReason[], { onWritten }: QuarantineWriterDeps): void {
  if (onWritten === undefined || reasons.length === 0) return;
  const counts = new Map<DeadLetterReason, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  onWritten(counts);
}

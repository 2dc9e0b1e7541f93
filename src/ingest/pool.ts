/** Starts the ingest threads, replaces those that die, and drains them at the end. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { AdmissionRow } from '../contract/admission.ts';
import { FatalError } from '../core/errors.ts';
import { backoffDelayMs, sleep, waitAtMost } from '../platform/backoff.ts';
import { builtFileUrl } from '../platform/built-file.ts';
import type { Logger, LogLevel } from '../platform/logger.ts';
import {
  NOTHING_HELD,
  type HeldDeliveries,
  type IngestCounts,
  type IngestTask,
  type ThreadCommand,
  type ThreadEnd,
  type ThreadNotice,
  type ThreadState,
} from './thread-messages.ts';

export interface PoolAdmission {
  /** The subscriptions, for a thread that starts. */
  readonly rows: readonly AdmissionRow[];
  /** Reads them again, and passes changes to `admit`. @returns False when they cannot be read now. */
  refresh(): Promise<boolean>;
}

export interface IngestPoolOptions {
  readonly threads: number;
  readonly task: Omit<IngestTask, 'port' | 'paused' | 'admissionRows'>;
  readonly admission: PoolAdmission;
  /** Whether the threads start without consuming. */
  readonly paused: boolean;
  readonly logger: Logger;
  readonly onCounts: (counts: IngestCounts) => void;
  /** Receives the traceparents of settled batches, when traces are on. */
  readonly onTraced: (traceparents: readonly string[]) => void;
  /** A thread found the state in doubt; the process must stop. */
  readonly onFatal: (error: FatalError) => void;
}

export interface IngestPool {
  /** One for each thread; a thread that is being replaced is `waiting`. */
  readonly states: readonly ThreadState[];
  /** What each thread held at its last report; a thread that is being replaced holds nothing. */
  readonly held: readonly HeldDeliveries[];
  /** `pause` and `resume` return at once, and also apply to threads that start later. */
  pause(): void;
  resume(): void;
  /** Passes changed subscriptions to every thread. */
  admit(rows: readonly AdmissionRow[]): void;
  readonly setLogLevel: (level: LogLevel) => void;
  /** Lets every thread settle and acknowledge what it holds, within the time; the rest is redelivered. */
  close(withinMs: number): Promise<void>;
}

const REPLACE_BACKOFF = { baseMs: 200, capMs: 10_000 };
/** The share of the closing time that a thread may spend on draining; the rest is for closing its connections. */
const DRAIN_SHARE = 0.7;
/** A quarter of V8's default. Measured: not slower, and a worker takes some 25 MiB less than with half the default. */
const YOUNG_GENERATION_MIB = 12;
const LAST_NOTICES_MS = 2_000;
/** A thread that lived for longer is replaced without a delay that grew before. */
const STABLE_MS = 60_000;

/** Each thread consumes on its own connections. */
export function startIngestPool(options: IngestPoolOptions): IngestPool {
  const { threads, task, logger } = options;
  const piscina = createThreads(options);
  const states: ThreadState[] = Array.from({ length: threads }, () => 'waiting');
  const held: HeldDeliveries[] = Array.from({ length: threads }, () => NOTHING_HELD);
  const ports: (MessagePort | undefined)[] = [];
  const stopping = new AbortController();
  const orders = { paused: options.paused, log: task.log };
  const tellAll = (command: ThreadCommand): void => {
    for (const port of ports) port?.postMessage(command);
  };

  const keepThread = async (index: number): Promise<void> => {
    for (let attempt = 0; !stopping.signal.aborted; attempt++) {
      const startedMs = performance.now();
      try {
        const end = await runThread(index);
        if (end.kind === 'fatal') options.onFatal(new FatalError(end.code, end.message));
        return;
      } catch (error) {
        logger.error({ err: error, threadIndex: index }, 'ingest thread died; starting another');
      }
      states[index] = 'waiting';
      if (performance.now() - startedMs > STABLE_MS) attempt = 0;
      await sleep(backoffDelayMs(attempt, REPLACE_BACKOFF), stopping.signal);
    }
  };

  const runThread = async (index: number): Promise<ThreadEnd> => {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (notice: ThreadNotice) => {
      if (notice.kind === 'state') states[index] = notice.state;
      if (notice.kind === 'report') held[index] = notice.held;
      passOn(notice, port1, options);
    });
    ports[index] = port1;
    try {
      const admissionRows = options.admission.rows;
      return await runTask(piscina, { ...task, ...orders, admissionRows, port: port2 }, port1);
    } finally {
      ports[index] = undefined;
      held[index] = NOTHING_HELD;
    }
  };

  const kept = Promise.all(Array.from({ length: threads }, (_, index) => keepThread(index)));
  return {
    states,
    held,
    pause() {
      orders.paused = true;
      tellAll({ kind: 'pause' });
    },
    resume() {
      orders.paused = false;
      tellAll({ kind: 'resume' });
    },
    admit(rows) {
      tellAll({ kind: 'admission', rows });
    },
    setLogLevel(level) {
      orders.log = { ...orders.log, level };
      tellAll({ kind: 'log level', level });
    },
    async close(withinMs) {
      stopping.abort();
      tellAll({ kind: 'drain', withinMs: withinMs * DRAIN_SHARE });
      await waitAtMost(withinMs, kept);
      await piscina.destroy();
    },
  };
}

/** Passes a notice on, and answers a question. */
function passOn(notice: ThreadNotice, port: MessagePort, options: IngestPoolOptions): void {
  if (notice.kind === 'traced') options.onTraced(notice.traceparents);
  if (notice.kind === 'report') options.onCounts(notice.counts);
  if (notice.kind !== 'admission wanted') return;
  const { ticket } = notice;
  // What is read is passed on through the same port before.
  void options.admission.refresh().then((isFresh) => {
    port.postMessage({ kind: 'admission read', ticket, isFresh } satisfies ThreadCommand);
  });
}

/** Runs one task to its end, and receives its last notices. */
async function runTask(piscina: Piscina, task: IngestTask, port: MessagePort): Promise<ThreadEnd> {
  const closed = once(port, 'close');
  try {
    const end: unknown = await piscina.run(task, { transferList: [task.port] });
    return end as ThreadEnd;
  } finally {
    // The end of the task takes another way than its last notices, and may arrive before them.
    await waitAtMost(LAST_NOTICES_MS, closed);
    port.close();
  }
}

function createThreads({ threads, logger }: IngestPoolOptions): Piscina {
  const piscina = new Piscina({
    filename: fileURLToPath(builtFileUrl(import.meta.url, './worker.js')),
    name: 'runIngestThread',
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: Infinity,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
    // The default blocks a thread's event loop between tasks, and with it the heartbeats.
    atomics: 'disabled',
  });
  // The death of a thread is handled where its task rejects. Without a listener this event would end the process.
  piscina.on('error', (error: unknown) => {
    logger.error({ err: error }, 'ingest thread failed');
  });
  return piscina;
}

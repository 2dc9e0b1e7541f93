/** Starts one server: retries with other ports if its ports are taken, and reports why it fails. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { FatalError } from '../core/errors.ts';
import type { Guardian } from './guardian-client.ts';
import { isFree } from './free-port.ts';
import type { Server, ServerName } from './process-spec.ts';

export interface ServerPlan {
  readonly name: ServerName;
  /** @param avoid Ports known to be taken. @returns The server for this attempt, and its ports. */
  describe(
    attempt: number,
    avoid: ReadonlySet<number>,
  ): Promise<{ server: Server; ports: readonly number[] }>;
}

const ATTEMPTS_MAX = 4;
const READY_TIMEOUT_MS = 120_000;
const PROBE_INTERVAL_MS = 40;

/**
 * Starts a server and waits until a real handshake works.
 *
 * If another process takes the chosen port before the server does, it tries another port. It also tries RabbitMQ a
 * second time without the trimmed home.
 *
 * @throws FatalError PULSE_SERVICES_FAILED, with the last lines of the server's log.
 */
export async function startServer(guardian: Guardian, plan: ServerPlan): Promise<Server> {
  const avoid = new Set<number>();
  for (let attempt = 0; ; attempt++) {
    const { server, ports } = await plan.describe(attempt, avoid);
    try {
      for (const spec of server.processes) await guardian.send({ kind: 'start', spec });
      await waitUntilReady(guardian, server);
      for (const { name } of server.processes) await guardian.send({ kind: 'watch', name });
      return server;
    } catch (error) {
      await endProcesses(guardian, server);
      const taken = await takenOf(ports);
      for (const port of taken) avoid.add(port);
      const retryable = taken.length > 0 || (plan.name === 'rabbitmq' && attempt === 0);
      if (!retryable || attempt + 1 >= ATTEMPTS_MAX || !guardian.isAlive()) {
        throw withLog(server, error);
      }
    }
  }
}

/**
 * Waits until the server's handshake works.
 *
 * @throws FatalError PULSE_SERVICES_FAILED as soon as one of its processes ends, or after two minutes.
 */
export async function waitUntilReady(guardian: Guardian, server: Server): Promise<void> {
  const ends: string[] = [];
  const offs = server.processes.map(({ name }) =>
    guardian.onExit(name, (outcome) => {
      ends.push(`${name} ended with ${outcome}.`);
    }),
  );
  const deadline = Date.now() + READY_TIMEOUT_MS;
  try {
    for (;;) {
      const failure = await server.probe().then(
        () => null,
        (error: unknown) => error,
      );
      if (ends[0] !== undefined) throw new FatalError('PULSE_SERVICES_FAILED', ends[0]);
      if (failure === null) return;
      if (!guardian.isAlive() || Date.now() > deadline) {
        throw new FatalError('PULSE_SERVICES_FAILED', `${server.name} did not become ready.`, {
          cause: failure,
        });
      }
      await delay(PROBE_INTERVAL_MS);
    }
  } finally {
    for (const off of offs) off();
  }
}

async function endProcesses(guardian: Guardian, { processes }: Server): Promise<void> {
  for (const { name } of processes) {
    // A process that was never started is unknown to the guardian.
    await guardian.send({ kind: 'signal', name, signal: 'SIGKILL' }).catch(() => undefined);
  }
}

/** Our processes have ended, so any port still in use belongs to another process. */
async function takenOf(ports: readonly number[]): Promise<number[]> {
  const taken: number[] = [];
  for (const port of ports) if (!(await isFree(port))) taken.push(port);
  return taken;
}

function withLog({ name, processes }: Server, error: unknown): FatalError {
  const lines = processes.flatMap(({ logFile }) => lastLines(logFile));
  const reason = error instanceof Error ? error.message : String(error);
  return new FatalError(
    'PULSE_SERVICES_FAILED',
    [`The private ${name} server did not start: ${reason}`, ...lines].join('\n  '),
    { cause: error },
  );
}

function lastLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').trim().split('\n').slice(-12);
  } catch {
    return [];
  }
}

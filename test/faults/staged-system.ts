/** The system of a round whose processes have names: a new installation, its processes behind proxies, and how they end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { API_BASE } from '../../src/http/api-base.ts';
import { sleep } from '../../src/platform/backoff.ts';
import { freePort } from '../../src/private-servers/free-port.ts';
import { withClient } from '../support/servers.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { TOKEN } from './api-client.ts';
import type { Seat } from './fault.ts';
import { keepWorker, runChild, type ChildOptions, type Env } from './pulse-child.ts';
import { startProxies, toEnv, urlsOf, type RoundOptions } from './stage.ts';
import { createInstallation, openAdminPool, type Installation } from './test-servers.ts';

export interface SystemOptions<Role extends string> extends RoundOptions {
  readonly seed: number;
  /** Environment for the first process of a role. */
  readonly firstEnv: Partial<Record<Role, Env>>;
}

export interface SystemPlan<Role extends string> {
  /** Of the installation, with the seed behind it. */
  readonly letter: string;
  /** SQL that runs before the processes start. */
  readonly fill: string;
  /** What each role runs, in the order in which they start. */
  readonly commands: Readonly<Record<Role, string>>;
  readonly env?: Env;
}

export interface StagedSystem<Role extends string> {
  readonly servers: RoundOptions['servers'];
  readonly installation: Installation;
  readonly admin: Pool;
  readonly seats: Readonly<Record<Role, Seat>>;
  /** Of the API, without its base path. */
  readonly apiUrl: string;
  /** A command without proxies. */
  straight(args: readonly string[]): ChildOptions;
  /** Heals the proxies of the processes, wakes them up, and starts servers that have ended. */
  heal(): Promise<void>;
  /** Stops every process. */
  stop(complaints: string[]): Promise<void>;
  notes(): string[];
  saveOutput(directory: string): void;
  /** Removes what the round has stored. */
  remove(): Promise<void>;
  close(): Promise<void>;
}

const STOP_TIMEOUT_MS = 40_000;

export async function openSystem<Role extends string>(
  { main, servers, seed, redisIndex, firstEnv }: SystemOptions<Role>,
  { letter, fill, commands, env: ownEnv = {} }: SystemPlan<Role>,
): Promise<StagedSystem<Role>> {
  const cwd = mkdtempSync(join(tmpdir(), 'pulse-faults-'));
  const installation = await createInstallation(servers, {
    ...{ name: `${letter}${seed}`, redisIndex },
    async migrate(postgres) {
      const env = toEnv({ ...servers.urls, postgres });
      const { exitCode, output } = await runChild({ main, args: ['migrate'], env, cwd });
      if (exitCode !== 0) throw new Error(`pulse migrate: ${output}`);
    },
  });
  await withClient(installation.urls.postgres, (client) => client.query(fill));
  const apiPort = await freePort();
  const env: Env = { ...commonEnv(installation.queue, apiPort), ...ownEnv };
  const opened = new Map<Role, Seat>();
  for (const [role, command] of Object.entries(commands) as [Role, string][]) {
    const proxies = await startProxies(installation.urls);
    const args = [command, '--json', '--allow-test-faults'];
    const child = { main, args, env: { ...env, ...toEnv(urlsOf(proxies)) }, cwd };
    opened.set(role, { worker: keepWorker(child, firstEnv[role]), proxies });
  }
  const all = [...opened.values()];
  await Promise.all(all.map(({ worker }) => worker.ready()));
  const silent = all.find(({ worker }) => worker.child.stdout === '');
  if (silent !== undefined) throw new Error(`a process did not start: ${silent.worker.output}`);
  const admin = openAdminPool(installation.urls.postgres);
  const proxies = all.flatMap((seat) => Object.values(seat.proxies) as TcpProxy[]);
  return {
    ...{ servers, installation, admin },
    seats: Object.fromEntries(opened) as Record<Role, Seat>,
    apiUrl: `http://127.0.0.1:${apiPort}`,
    straight: (args) => ({ main, args, cwd, env: { ...env, ...toEnv(installation.urls) } }),
    async heal() {
      for (const proxy of proxies) proxy.heal();
      for (const { worker } of all) worker.child.signal('SIGCONT');
      await servers.heal();
    },
    async stop(complaints) {
      const ends = await Promise.all(all.map(({ worker }) => worker.stop(STOP_TIMEOUT_MS)));
      for (const { exitCode, signal } of ends) {
        if (exitCode !== 0)
          complaints.push(`a process did not stop in order: ${signal ?? exitCode}`);
      }
    },
    notes: () =>
      [...opened].flatMap(([role, { worker }]) => {
        const own = worker.ends.filter((end) => end !== 'SIGKILL');
        return own.length === 0 ? [] : [`${role} ended by itself: ${own.join()}`];
      }),
    saveOutput(directory) {
      for (const [role, { worker }] of opened) {
        writeFileSync(join(directory, `${role}.log`), worker.output);
      }
    },
    remove: () => installation.remove(),
    async close() {
      await Promise.all(all.map(({ worker }) => worker.stop(1_000)));
      for (const proxy of proxies) await proxy.close();
      await admin.end();
      rmSync(cwd, { recursive: true, force: true });
    },
  };
}

/** Of the API of a system, for a client that reaches it by this proxy. */
export function apiBase({ url }: Pick<TcpProxy, 'url'>): string {
  return `${url.replace(/\/$/, '')}${API_BASE}`;
}

/** Does something again and again, whatever becomes of it. @returns Ends it. */
export function keepDoing(intervalMs: number, work: () => Promise<unknown>): () => Promise<void> {
  const end = new AbortController();
  const run = async (): Promise<void> => {
    while (!end.signal.aborted) {
      await work().catch(() => undefined);
      await sleep(intervalMs, end.signal);
    }
  };
  const running = run();
  return async () => {
    end.abort();
    await running;
  };
}

function commonEnv(queue: string, apiPort: number): Env {
  return {
    PULSE_QUEUE: queue,
    API_PORT: String(apiPort),
    SECRET_TOKEN: TOKEN,
    RATE_LIMIT_PER_MINUTE: '0',
    METRICS_PORT: '0',
    JWT_SECRET: 'a secret of faults, 32 characters at least',
    ADMIN_PASSWORD: 'a password of faults',
    LOG_LEVEL: 'info',
  };
}

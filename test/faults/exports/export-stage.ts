/** The system of a round of exports: two exporters with one folder, an API, a processor that stores events, and callers. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { createKeyText } from '../../../src/access/key-text.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import { TOKEN } from '../api-client.ts';
import { mountMemory } from '../disk-faults.ts';
import { NotPossibleError } from '../fault.ts';
import { countReady, untilNamed, untilQuiet, whoIsNotReady } from '../quiet.ts';
import type { FaultyStage } from '../staged-fault.ts';
import {
  apiBase,
  keepDoing,
  openSystem,
  type StagedSystem,
  type SystemOptions,
} from '../staged-system.ts';
import type { ExportClientDeps } from './export-client.ts';
import { FILL } from './export-data.ts';
import {
  ageFiles,
  countOpen,
  hasten,
  readExportsLeft,
  readNeededFiles,
  type ExportsLeft,
} from './export-left.ts';
import { CALLERS, type Caller } from './export-plan.ts';

const COMMANDS = {
  processor: 'processor',
  api: 'api',
  exporter: 'exporter',
  peer: 'exporter',
} as const;
export type Role = keyof typeof COMMANDS;
export const ROLES = Object.keys(COMMANDS) as Role[];

export interface ExportStageOptions extends SystemOptions<Role> {
  /** The folder is a small disk, if this machine allows that. */
  readonly smallDisk: boolean;
}

export interface ExportStage extends StagedSystem<Role>, FaultyStage<Role> {
  readonly client: ExportClientDeps;
  /** EXPORT_DIR. */
  readonly directory: string;
  /** Undefined: the disk is large. */
  readonly diskBytes: number | undefined;
  /** Waits until every export has ended and every event is stored. */
  quieten(complaints: string[]): Promise<void>;
  /** Restarts an exporter, which sweeps. @returns How many files that removed. */
  sweep(complaints: string[]): Promise<number>;
  left(): Promise<
    Pick<ExportsLeft, 'exports' | 'events' | 'files' | 'outboxCount' | 'waitingCount'>
  >;
}

const QUEUES = ['events.announced', 'workflows'];
/** No round waits for half a minute until a lease ends. */
const HASTEN_MS = 300;
const STOP_TIMEOUT_MS = 40_000;
const SWEEP_TIMEOUT_MS = 10_000;
const DISK_BYTES = 256 * 1024 * 1024;

export async function openExportStage(options: ExportStageOptions): Promise<ExportStage> {
  const directory = mkdtempSync(join(tmpdir(), 'pulse-faults-exports-'));
  const isMounted = options.smallDisk && mount(directory);
  const system = await openSystem(options, {
    ...{ letter: 'e', fill: FILL, commands: COMMANDS },
    env: { EXPORT_DIR: directory },
  });
  const { installation, admin, seats } = system;
  await untilNamed(installation, system.servers);
  const clientProxy = await startTcpProxy(system.apiUrl);
  const stopHastening = keepDoing(HASTEN_MS, () => hasten(admin));
  return {
    ...{ ...system, clientProxy, directory },
    diskBytes: isMounted ? DISK_BYTES : undefined,
    client: { url: apiBase(clientProxy), tokens: await createTokens(admin), admin },
    async heal() {
      clientProxy.heal();
      await system.heal();
    },
    quieten: (complaints) =>
      untilQuiet(
        admin,
        async () => {
          // One that was suspended while it worked may suspend itself when it wakes.
          for (const { worker } of Object.values(seats)) worker.child.signal('SIGCONT');
          return (
            (await countOpen(admin)) ||
            ((await countReady(installation, QUEUES)) > 0 ? 'messages in queues' : '') ||
            (await whoIsNotReady(Object.values(seats)))
          );
        },
        complaints,
      ),
    async sweep(complaints) {
      const needed = await readNeededFiles(admin);
      const before = await readdir(directory);
      // Shows when a sweep has been there.
      await writeFile(join(directory, `${randomUUID()}.1.csv.part`), '');
      await ageFiles(directory);
      const { worker } = seats.exporter;
      const { exitCode, signal } = await worker.stop(STOP_TIMEOUT_MS);
      if (exitCode !== 0) complaints.push(`the exporter stopped with ${signal ?? exitCode}`);
      worker.restart();
      await worker.ready();
      let found: string[] = [];
      await until('the sweep', SWEEP_TIMEOUT_MS, async () => {
        found = (await readdir(directory)).sort();
        return found.join() === needed.join();
      }).catch(() => complaints.push(`files: ${found.join()}; needed: ${needed.join()}`));
      return before.length - needed.length;
    },
    async left() {
      return {
        ...(await readExportsLeft(admin)),
        files: await readdir(directory),
        waitingCount: await countReady(installation, QUEUES),
      };
    },
    async close() {
      await stopHastening();
      await system.close();
      await clientProxy.close();
      if (isMounted) execFileSync('umount', ['-l', directory]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function mount(directory: string): boolean {
  try {
    mountMemory(directory, String(DISK_BYTES), 'root');
    return true;
  } catch (error) {
    if (error instanceof NotPossibleError) return false;
    throw error;
  }
}

/** A key for each caller of some tenants. */
async function createTokens(admin: Pool): Promise<Record<Caller, string>> {
  const tokens: Partial<Record<Caller, string>> = {};
  for (const [caller, scope] of Object.entries(CALLERS) as [Caller, (typeof CALLERS)[Caller]][]) {
    const { text, credentials } = createKeyText();
    tokens[caller] = scope === 'all' ? TOKEN : text;
    if (scope === 'all') continue;
    await admin.query(
      `INSERT INTO api_keys (id, secret_hash, name, role, all_tenants, tenants, created_by, expires_at)
       VALUES ($1, $2, $3, 'operator', false, $4, 'faults', now() + interval '1 hour')`,
      [credentials.id, credentials.secretHash, caller, scope],
    );
  }
  return tokens as Record<Caller, string>;
}

/** What can go wrong in a round of exports. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { EXPORT_POINTS } from '../../../src/exports/export-points.ts';
import { sleep } from '../../../src/platform/backoff.ts';
import { NotReachedError, until } from '../../support/until.ts';
import { fill } from '../disk-faults.ts';
import { between } from '../fault.ts';
import { isSuspended } from '../pulse-child.ts';
import {
  catalogueOf,
  crashAfter,
  killOf,
  killOfServer,
  linkFaults,
  NO_FAULT,
  REACHED_TIMEOUT_MS,
  type StagedFault,
} from '../staged-fault.ts';
import { countFailed, countTakenOver, readRunning } from './export-left.ts';
import { ROLES, type ExportStage, type Role } from './export-stage.ts';

export interface ExportFault extends StagedFault<Role, ExportStage> {
  /** With this code exports may fail in the round. */
  readonly failureCode?: string;
  readonly smallDisk?: true;
}

const CRASHES: readonly ExportFault[] = EXPORT_POINTS.map((point) =>
  crashAfter<Role>('exporter', point, 'export'),
);

/** What a consumer of workflows has done when the API dies. */
const CONSUMPTIONS: readonly ExportFault[] = (
  ['delivered', 'handled', 'acknowledged'] as const
).map((step) => crashAfter<Role>('api', step));

const FREEZES: readonly ExportFault[] = EXPORT_POINTS.filter((point) => point !== 'completed').map(
  (point) => ({
    name: `freeze-exporter-${point}`,
    about: `the exporter is suspended right after an export is ${point}, another takes over, and it wakes up`,
    first: {
      role: 'exporter',
      env: (random) => ({ PULSE_CRASH_AT: `export:${point}:${between(1, 3, random)}:stop` }),
    },
    async inject({ seats, admin }) {
      const { child } = seats.exporter.worker;
      await until('the suspension', REACHED_TIMEOUT_MS, () => isSuspended(child.pid));
      return wakeAfterTakeover(admin, child);
    },
  }),
);

type Admin = ExportStage['admin'];
type Child = ExportStage['seats']['exporter']['worker']['child'];

/** @returns How many exports of the suspended process another one has taken over. */
async function wakeAfterTakeover(admin: Admin, child: Child): Promise<string> {
  let count = 0;
  try {
    const running = await retried(() => readRunning(admin));
    await until('a takeover', REACHED_TIMEOUT_MS, async () => {
      count = await countTakenOver(admin, running).catch(() => 0);
      return count > 0;
    });
  } finally {
    child.signal('SIGCONT');
  }
  return `${count} taken over`;
}

/** While Postgres may be down. */
async function retried<Result>(read: () => Promise<Result>): Promise<Result> {
  for (let tries = 0; ; tries++) {
    try {
      return await read();
    } catch (error) {
      if (tries === 50) throw error;
      await sleep(200);
    }
  }
}

const PROCESSES: readonly ExportFault[] = [
  ...ROLES.map((role) => killOf(role)),
  {
    name: 'exporter-zombie',
    about: 'the exporter is suspended while it works, another takes over, and it wakes up',
    async inject({ seats, admin }) {
      const { child } = seats.exporter.worker;
      // The peer runs two at most.
      await until('three exports that run', REACHED_TIMEOUT_MS, async () => {
        const running = await readRunning(admin).catch(() => undefined);
        return running !== undefined && running.size >= 3;
      });
      child.signal('SIGSTOP');
      return wakeAfterTakeover(admin, child);
    },
  },
  {
    name: 'exporter-stop',
    about: 'the exporter is told to stop while it works, and is started again',
    async inject({ seats }, random) {
      const { worker } = seats.exporter;
      const { exitCode, signal } = await worker.stop(STOP_TIMEOUT_MS);
      await sleep(between(0, 1_000, random));
      worker.restart();
      if (exitCode !== 0) throw new Error(`it stopped with ${signal ?? exitCode}`);
      return undefined;
    },
  },
];
const STOP_TIMEOUT_MS = 40_000;

const SERVERS: readonly ExportFault[] = (['rabbitmq', 'postgres'] as const).map(killOfServer);

const LINKS: readonly ExportFault[] = (['postgres', 'client'] as const).flatMap((link) =>
  linkFaults<Role>(link, 'the API'),
);

/** Node ignores SIGXFSZ, so a write beyond the limit fails with EFBIG. */
const FILE_BYTES = 2_000;
const QUOTA_BYTES = 1_000_000;
const SLOW_MS = 150;

const DISKS: readonly ExportFault[] = [
  {
    name: 'disk-full',
    about: 'the disk of the folder is full for a while (ENOSPC); only root can prepare that',
    ...{ failureCode: 'disk_full', smallDisk: true },
    async inject({ directory, diskBytes, admin }) {
      if (diskBytes === undefined) throw new NotReachedError('not reached: no small disk here');
      const filler = join(directory, 'filler');
      try {
        fill(filler);
        return await untilFailed(admin, 'disk_full');
      } finally {
        rmSync(filler, { force: true });
      }
    },
  },
  {
    name: 'file-limit',
    about: 'the exporters may write only small files for a while (EFBIG)',
    failureCode: 'disk_full',
    async inject({ seats, admin }) {
      const children = [seats.exporter.worker.child, seats.peer.worker.child];
      try {
        for (const { pid } of children) limitFiles(pid, String(FILE_BYTES));
        return await untilFailed(admin, 'disk_full');
      } finally {
        for (const { pid, hasEnded } of children) if (!hasEnded) limitFiles(pid, 'unlimited');
      }
    },
  },
  {
    name: 'quota',
    about: 'the peer has a small quota until it is killed, and a slow way to Postgres',
    failureCode: 'quota_exceeded',
    first: { role: 'peer', env: () => ({ EXPORT_QUOTA_BYTES: String(QUOTA_BYTES) }) },
    async inject({ seats, admin }) {
      const { worker, proxies } = seats.peer;
      // An exporter looks at the quota every three seconds.
      proxies.postgres.delay(SLOW_MS);
      try {
        return await untilFailed(admin, 'quota_exceeded');
      } finally {
        proxies.postgres.heal();
        worker.kill();
      }
    },
  },
];

function limitFiles(pid: number, bytes: string): void {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`], { stdio: 'pipe' });
}

async function untilFailed(admin: Admin, code: string): Promise<string> {
  let count = 0;
  await until(`an export that fails with ${code}`, REACHED_TIMEOUT_MS, async () => {
    count = await countFailed(admin, code).catch(() => 0);
    return count > 0;
  });
  return `${count} failed at first`;
}

/** Crashes and freezes are set in the same variable. */
const GROUPS = [[...CRASHES, ...FREEZES, ...CONSUMPTIONS], PROCESSES, SERVERS, LINKS, DISKS];
export const EXPORT_FAULTS = catalogueOf<ExportFault>('exports', NO_FAULT, GROUPS);

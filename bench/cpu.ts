/** CPU time of processes, read from the kernel's accounting. */
import { existsSync, readFileSync } from 'node:fs';
import { processTree } from '../src/private-servers/process-identity.ts';

/** Microseconds by kind of process. `node` is the measured side's process with all its threads. */
export interface CpuUs {
  readonly node: number;
  readonly rabbitmq: number;
  readonly redis: number;
  readonly postgres: number;
  /** Everything else on the machine, including the bench itself. When it is large, do not trust the figures of the run. */
  readonly other: number;
}

export const CPU_GROUPS = ['node', 'rabbitmq', 'redis', 'postgres', 'other'] as const;

/** The first process of each kind; its descendants are included. */
export interface CpuRoots {
  readonly node?: number | readonly number[];
  readonly rabbitmq?: number;
  readonly redis?: number;
  readonly postgres?: number;
}

/** Linux reports hundredths of a second to programs, whatever its internal tick is. */
const US_PER_TICK = 10_000;

/** Starts measuring. @returns A function that stops and returns the time used, or null where there is no /proc. */
export function watchCpu(roots: CpuRoots): () => CpuUs | null {
  const before = readAll(roots);
  return () => {
    const after = readAll(roots);
    if (before === null || after === null) return null;
    const used = (group: keyof CpuUs) => Math.max(0, after[group] - before[group]);
    return {
      node: used('node'),
      rabbitmq: used('rabbitmq'),
      redis: used('redis'),
      postgres: used('postgres'),
      other: used('other'),
    };
  };
}

/** The time of a process and its descendants, ended ones included, in microseconds since their start. */
export function treeCpuUs(root: number): number {
  return processTree(root).reduce((sum, pid) => sum + ownCpuUs(pid), 0);
}

/** Resident memory in MiB; 0 when the process is gone. */
export function residentMib(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`));
  return Number(match?.[1] ?? 0) / 1024;
}

function readAll(roots: CpuRoots): CpuUs | null {
  if (!existsSync('/proc/self/stat')) return null;
  const timeOf = (pids: number | readonly number[] = []) =>
    [pids].flat().reduce((sum, pid) => sum + treeCpuUs(pid), 0);
  const known = {
    node: timeOf(roots.node),
    rabbitmq: timeOf(roots.rabbitmq),
    redis: timeOf(roots.redis),
    postgres: timeOf(roots.postgres),
  };
  const knownUs = Object.values(known).reduce((sum, us) => sum + us, 0);
  return { ...known, other: machineCpuUs() - knownUs };
}

/** The busy time of all cores: user, nice, system, and the two kinds of interrupts. */
function machineCpuUs(): number {
  const [user, nice, system, , , hard, soft] = read('/proc/stat')
    .split('\n', 1)
    .join('')
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const ticks = [user, nice, system, hard, soft].reduce<number>(
    (sum, part) => sum + (part ?? 0),
    0,
  );
  return ticks * US_PER_TICK;
}

/** utime, stime, and the same for children that were waited for; counted from the end of the name. */
function ownCpuUs(pid: number): number {
  const text = read(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks * US_PER_TICK;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process has ended in the meantime.
    return '';
  }
}

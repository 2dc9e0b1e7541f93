/** Distinguishes a process from a later one with the same pid. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const ON_LINUX = process.platform === 'linux';

/**
 * A text that identifies the process, unique over reboots; null if the process is gone.
 *
 * A zombie counts as gone: it runs nothing, and its parent may never reap it.
 */
export function processIdentity(pid: number): string | null {
  if (!ON_LINUX) return identityFromPs(pid);
  const stat = readStat(pid);
  if (stat === null || stat.state === 'Z' || stat.state === 'X') return null;
  return `${readText('/proc/sys/kernel/random/boot_id')}/${stat.startTicks}`;
}

/** Whether the process with this pid is still the one with this identity. */
export function isAlive(pid: number, identity: string): boolean {
  return processIdentity(pid) === identity;
}

/** The process and all its descendants, whatever their session or process group. */
export function processTree(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const [child, parent] of ON_LINUX ? parentsFromProc() : parentsFromPs()) {
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [child]);
    else siblings.push(child);
  }
  const tree = [pid];
  // The array grows during the loop: a breadth-first search.
  for (const member of tree) tree.push(...(children.get(member) ?? []));
  return tree;
}

function* parentsFromProc(): Generator<[child: number, parent: number]> {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(Number(name));
    if (stat !== null) yield [Number(name), stat.parent];
  }
}

function* parentsFromPs(): Generator<[child: number, parent: number]> {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  for (const line of stdout.split('\n')) {
    const [child, parent] = line.trim().split(/\s+/).map(Number);
    if (child !== undefined && parent !== undefined) yield [child, parent];
  }
}

/** Fields of proc(5) stat. They follow the process name, which may contain spaces and brackets. */
function readStat(pid: number): { state: string; parent: number; startTicks: string } | null {
  const text = readText(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent] = fields;
  const startTicks = fields[19];
  if (state === undefined || parent === undefined || startTicks === undefined) return null;
  return { state, parent: Number(parent), startTicks };
}

function readText(path: string): string {
  if (!existsSync(path)) return '';
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // The process ended between the two calls.
    return '';
  }
}

function identityFromPs(pid: number): string | null {
  const { stdout, status } = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
    encoding: 'utf8',
  });
  const match = /^(\S+)\s+(.+)$/.exec(stdout.trim());
  if (status !== 0 || match === null || match[1]?.startsWith('Z') === true) return null;
  return match[2] ?? null;
}

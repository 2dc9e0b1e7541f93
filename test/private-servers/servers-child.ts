/** A separate process that starts private servers, so that tests can end it in different ways. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { lockHolder } from '../../src/private-servers/directory-lock.ts';
import { processIdentity, processTree } from '../../src/private-servers/process-identity.ts';
import type { UserIds } from '../../src/private-servers/process-spec.ts';

export interface ServersChild {
  readonly process: ChildProcess;
  readonly env: Record<'RABBITMQ_URL' | 'REDIS_URL' | 'DATABASE_URL', string>;
  /** The guardian, the servers and their helpers. */
  readonly pids: readonly number[];
  readonly guardianPid: number;
  /** Where Postgres keeps its files: outside `directory` if its user cannot enter that. */
  readonly postgresPlace: string;
}

export interface ServersChildOptions {
  readonly directory: string;
  /** JavaScript that runs once the servers are ready, as `servers`. */
  readonly afterwards: string;
  /** Where the compiled code is. */
  readonly dist?: string;
  readonly execPath?: string;
  /** The user that the process switches to after it has loaded its code. */
  readonly user?: UserIds;
}

/** Starts it and waits until its servers are ready; rejects with its standard error if it ends before. */
export async function startServersChild(options: ServersChildOptions): Promise<ServersChild> {
  const { directory, afterwards, user, dist = join(process.cwd(), 'dist') } = options;
  const become =
    user === undefined
      ? ''
      : `process.setgroups([]); process.setgid(${user.gid}); process.setuid(${user.uid});`;
  const script = `
    const { startPrivateServers } = await import(${JSON.stringify(join(dist, 'private-servers/private-servers.js'))});
    ${become}
    const servers = await startPrivateServers({ directory: ${JSON.stringify(directory)}, keepFiles: false });
    console.log(JSON.stringify(servers.env));
    await new Promise((resolve) => process.stdin.once('data', resolve));
    process.stdin.destroy();
    ${afterwards}`;
  const child = spawn(
    options.execPath ?? process.execPath,
    ['--input-type=module', '--eval', script],
    { cwd: '/', detached: true, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const line = await Promise.race([
    once(createInterface(child.stdout), 'line').then(([text]) => String(text)),
    once(child, 'close').then(() => null),
  ]);
  if (line === null) throw new Error(`The command ended early: ${complaint}`);
  const guardianPid = lockHolder(directory)?.pid ?? 0;
  const found = {
    process: child,
    env: JSON.parse(line) as ServersChild['env'],
    pids: processTree(guardianPid),
    guardianPid,
    postgresPlace: realpathSync(join(directory, 'postgres')),
  };
  // It goes on only now, because it may end at once and take all that with it.
  child.stdin.end('go on');
  return found;
}

/** The processes that still run, with their command lines. */
export function stillRunning(pids: readonly number[]): string[] {
  return pids.filter((pid) => processIdentity(pid) !== null).map(describe);
}

function describe(pid: number): string {
  try {
    return `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`;
  } catch {
    return String(pid);
  }
}

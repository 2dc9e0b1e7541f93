/** A private PostgreSQL with `fsync` on. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, DatabaseError } from 'pg';
import { processIdentity } from './process-identity.ts';
import type { Server, UserIds } from './process-spec.ts';

export interface PostgresServerOptions {
  /** Must exist, and `user` must be able to write to it. */
  readonly directory: string;
  readonly logFile: string;
  readonly port: number;
  readonly password: string;
  /** The directory that holds `postgres` and `initdb`. */
  readonly programs: string;
  readonly path: string;
  /** The user that the server runs as, because it refuses to run as root. Absent: the current user. */
  readonly user?: UserIds;
  /** False skips syncing the files of a new cluster, which matters only if the machine crashes. */
  readonly syncNewFiles: boolean;
}

const DATABASE = 'pulse';
const USERNAME = 'pulse';

/** Describes the server. Its first start creates the cluster. */
export function createPostgresServer(options: PostgresServerOptions): Server {
  const { directory, port, password, programs, user } = options;
  const cluster = join(directory, 'cluster');
  const url = postgresUrl(port, password);
  removeStaleLock(cluster);
  const common = {
    env: { PATH: options.path, LC_ALL: 'C', TZ: 'UTC' },
    cwd: directory,
    ...(user === undefined ? {} : { user }),
  };
  return {
    name: 'postgres',
    url,
    processes: [
      {
        ...common,
        name: 'postgres',
        command: join(programs, 'postgres'),
        args: ['-D', cluster, ...settingArgs(port)],
        logFile: options.logFile,
        stopSignal: 'SIGINT',
        // SIGKILL would leave shared memory behind, which belongs to no process.
        quickStopSignal: 'SIGQUIT',
        preparation: { ...common, ...clusterPreparation(options, cluster) },
      },
    ],
    probe: () => probePostgres(url),
  };
}

/**
 * Postgres mistakes a zombie for a running server and refuses to start until it is reaped, which never happens in
 * a container without an init process. The guardian's lock already prevents a second server.
 */
function removeStaleLock(cluster: string): void {
  const lockFile = join(cluster, 'postmaster.pid');
  if (!existsSync(lockFile)) return;
  const pid = Number.parseInt(readFileSync(lockFile, 'utf8'), 10);
  if (processIdentity(pid) === null) rmSync(lockFile);
}

function clusterPreparation(options: PostgresServerOptions, cluster: string) {
  const { directory, password, programs, user } = options;
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, password, { mode: user === undefined ? 0o600 : 0o644 });
  const staging = `${cluster}.new`;
  return {
    command: join(programs, 'initdb'),
    args: [
      `--pgdata=${staging}`,
      `--username=${USERNAME}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
      ...(options.syncNewFiles ? [] : ['--no-sync']),
    ],
    staging,
    creates: cluster,
  };
}

function settingArgs(port: number): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '200',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // Files in the cluster, because those in /dev/shm would outlive a killed server.
    dynamic_shared_memory_type: 'mmap',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

export function postgresUrl(port: number, password: string): string {
  return `postgres://${USERNAME}:${password}@127.0.0.1:${port}/${DATABASE}`;
}

/** Runs a query; creates the database first if the cluster is new. */
export async function probePostgres(url: string): Promise<void> {
  try {
    await query(url, 'SELECT 1');
  } catch (error) {
    if (!hasState(error, INVALID_CATALOG_NAME)) throw error;
    const maintenance = new URL(url);
    maintenance.pathname = '/postgres';
    await query(maintenance.href, `CREATE DATABASE ${DATABASE}`);
    await query(url, 'SELECT 1');
  }
}

const INVALID_CATALOG_NAME = '3D000';

function hasState(error: unknown, state: string): boolean {
  return error instanceof DatabaseError && error.code === state;
}

async function query(url: string, sql: string): Promise<void> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: 2_000,
    query_timeout: 30_000,
  });
  // The calls below reject with the same error.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(sql);
  } finally {
    await client.end().catch(() => undefined);
  }
}

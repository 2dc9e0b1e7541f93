/** What stays the same over the restarts of one instance: its secrets, and its ports where possible. */
import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, isFree } from './free-port.ts';

/** Holds passwords: its file is readable by its owner only. */
export interface InstanceSettings {
  /** Tells containers and volumes of instances apart. */
  readonly id: string;
  readonly passwords: Readonly<Record<'rabbitmq' | 'redis' | 'postgres' | 'erlangCookie', string>>;
  /** By process name. */
  readonly ports: Readonly<Record<string, number>>;
}

const SETTINGS_NAME = 'settings.json';

export function createSettings(): InstanceSettings {
  return {
    id: randomBytes(6).toString('hex'),
    passwords: {
      rabbitmq: password(),
      redis: password(),
      postgres: password(),
      // The Erlang runtime reads it as one word of upper-case letters and digits.
      erlangCookie: randomBytes(16).toString('hex').toUpperCase(),
    },
    ports: {},
  };
}

/** Hexadecimal: needs no escaping in a URL, a configuration file or an environment variable. */
function password(): string {
  return randomBytes(16).toString('hex');
}

/** The directory's settings, or new ones for a directory that has none. */
export function loadSettings(directory: string): InstanceSettings {
  try {
    return JSON.parse(readFileSync(join(directory, SETTINGS_NAME), 'utf8')) as InstanceSettings;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      const settings = createSettings();
      saveSettings(directory, settings);
      return settings;
    }
    throw error;
  }
}

export function saveSettings(directory: string, settings: InstanceSettings): void {
  const path = join(directory, SETTINGS_NAME);
  writeFileSync(`${path}.new`, `${JSON.stringify(settings, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/**
 * A usable port for each name: the known one if it is free, else another.
 *
 * @param avoid Ports that a server has just found taken, although they looked free.
 */
export async function choosePorts(
  known: InstanceSettings['ports'],
  names: readonly string[],
  avoid: ReadonlySet<number> = new Set(),
): Promise<InstanceSettings['ports']> {
  const ports: Record<string, number> = {};
  const used = new Set(avoid);
  for (const name of names) {
    let port = known[name];
    while (port === undefined || used.has(port) || !(await isFree(port))) port = await freePort();
    ports[name] = port;
    used.add(port);
  }
  return ports;
}

/** What an instance keeps over restarts: its secrets and, where possible, its ports. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, isFree } from './free-port.ts';
import { replaceJsonFile } from './json-file.ts';

export interface InstanceSettings {
  /** Part of the names of the instance's containers and volumes. */
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
      // Erlang reads it as one word of upper-case letters and digits.
      erlangCookie: randomBytes(16).toString('hex').toUpperCase(),
    },
    ports: {},
  };
}

/** Hexadecimal, so that it needs no escaping in URLs, configuration files or environment variables. */
function password(): string {
  return randomBytes(16).toString('hex');
}

/** The settings stored in the directory; new ones if there are none. */
export function loadSettings(directory: string): InstanceSettings {
  const path = join(directory, SETTINGS_NAME);
  // A broken file is an error: new passwords would not fit the data.
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as InstanceSettings;
  const settings = createSettings();
  saveSettings(directory, settings);
  return settings;
}

export function saveSettings(directory: string, settings: InstanceSettings): void {
  replaceJsonFile(join(directory, SETTINGS_NAME), settings);
}

/**
 * A free port for each name: the known one if it is still free, otherwise a new one.
 *
 * @param avoid Ports that looked free but turned out to be taken.
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

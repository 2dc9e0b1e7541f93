/** What an instance keeps over restarts: its secrets and, where possible, its ports. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RejectedError } from '../core/errors.ts';
import { isCopyOf, markOf, type FolderMark } from './folder-identity.ts';
import { freePort, isFree } from './free-port.ts';
import { readJsonFile, replaceJsonFile } from './json-file.ts';

export interface InstanceSettings {
  /** Part of the names of the instance's containers and volumes. */
  readonly id: string;
  readonly passwords: Readonly<Record<'rabbitmq' | 'redis' | 'postgres' | 'erlangCookie', string>>;
  /** By process name. */
  readonly ports: Readonly<Record<string, number>>;
  /** The folder that they were stored for. Absent: not stored yet, or by an earlier version. */
  readonly folder?: FolderMark;
}

const SETTINGS_NAME = 'settings.json';

export function createSettings(): InstanceSettings {
  return {
    id: newId(),
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

function newId(): string {
  return randomBytes(6).toString('hex');
}

/** Hexadecimal, so that it needs no escaping in URLs, configuration files or environment variables. */
function password(): string {
  return randomBytes(16).toString('hex');
}

/**
 * The settings stored in the directory; new ones if there are none. A copy of another folder gets an id of its own.
 *
 * @param onCopy Gets the path of the other folder.
 * @throws RejectedError PULSE_SERVICES_FAILED when the file is broken: new passwords would not fit the data.
 */
export function loadSettings(
  directory: string,
  onCopy: (origin: string) => void = () => undefined,
): InstanceSettings {
  const stored = readSettings(directory);
  const origin = stored?.folder;
  const isCopy = origin !== undefined && isCopyOf(directory, origin);
  if (isCopy) onCopy(origin.path);
  const settings = stored ?? createSettings();
  const own = isCopy ? { ...settings, id: newId() } : settings;
  saveSettings(directory, own);
  return own;
}

function readSettings(directory: string): InstanceSettings | null {
  const path = join(directory, SETTINGS_NAME);
  const stored = readJsonFile(path) as Partial<InstanceSettings> | null;
  if (stored === null && !existsSync(path)) return null;
  const { id, passwords, ports } = stored ?? {};
  if (typeof id === 'string' && passwords?.postgres !== undefined && ports instanceof Object) {
    return stored as InstanceSettings;
  }
  throw new RejectedError(
    'PULSE_SERVICES_FAILED',
    `${path} is empty or broken. It has the passwords of the data in that folder: restore it from a backup, ` +
      'or, to begin without the data, remove the folder.',
  );
}

export function saveSettings(directory: string, settings: InstanceSettings): void {
  const stored: InstanceSettings = { ...settings, folder: markOf(directory) };
  replaceJsonFile(join(directory, SETTINGS_NAME), stored);
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

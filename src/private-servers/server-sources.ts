/** Decides where each server comes from: an installed program, a container, or a package to install. */
import { RejectedError } from '../core/errors.ts';
import { engineAnswers, pullImage } from './containers.ts';
import { DEBIAN_PACKAGES, findInstaller, installPackages } from './debian-packages.ts';
import { SERVER_NAMES, type ServerName } from './process-spec.ts';
import { findProgram, findPrograms, type Programs, type ProgramSearch } from './programs.ts';

export interface ServerSources {
  readonly programs: Programs;
  /** The container engine's program, for servers without an installed program; null when none needs it. */
  readonly engine: string | null;
}

const LABELS: Readonly<Record<ServerName, string>> = {
  rabbitmq: 'RabbitMQ 3.10 or later (with Erlang)',
  redis: 'Redis 7.0 or later',
  postgres: 'PostgreSQL 14 or later',
};

/**
 * Finds all three servers, and gets missing ones if possible.
 *
 * @throws RejectedError PULSE_SERVICES_MISSING, with instructions on what to install.
 */
export async function findServerSources(
  search: ProgramSearch,
  onProgress: (line: string) => void,
): Promise<ServerSources> {
  let programs = await findPrograms(search);
  let missing = missingOf(programs);
  if (missing.length === 0) return { programs, engine: null };

  const engine = await usableEngine(search, missing, onProgress);
  if (engine !== null) return { programs, engine };

  const failure = await tryPackages(search, missing, onProgress);
  programs = await findPrograms(search);
  missing = missingOf(programs);
  if (missing.length === 0) return { programs, engine: null };
  throw new RejectedError('PULSE_SERVICES_MISSING', missingPage(missing, programs, failure));
}

function missingOf(programs: Programs): ServerName[] {
  return SERVER_NAMES.filter((name) => programs[name] === null);
}

async function usableEngine(
  search: ProgramSearch,
  missing: readonly ServerName[],
  onProgress: (line: string) => void,
): Promise<string | null> {
  const engine = findProgram('docker', search);
  if (engine === null || !(await engineAnswers(engine))) return null;
  onProgress(`Not installed: ${missing.join(', ')}. Using Docker instead.`);
  try {
    await Promise.all(missing.map((name) => pullImage(engine, name)));
    return engine;
  } catch (error) {
    onProgress(`Docker cannot pull the images: ${lastLines(error)}`);
    return null;
  }
}

/** @returns Why it failed, for the instructions; null when it succeeded or was not possible. */
async function tryPackages(
  search: ProgramSearch,
  missing: readonly ServerName[],
  onProgress: (line: string) => void,
): Promise<string | null> {
  const installer = await findInstaller(search);
  if (installer === null) return null;
  const packages = missing.map((name) => DEBIAN_PACKAGES[name]);
  onProgress(
    `Installing ${packages.join(', ')} with apt-get; their system services are not started …`,
  );
  try {
    await installPackages({ packages, installer, search });
    return null;
  } catch (error) {
    return lastLines(error);
  }
}

function lastLines(error: unknown): string {
  const { stderr } = error as { stderr?: unknown };
  const text = typeof stderr === 'string' && stderr.trim() !== '' ? stderr : String(error);
  return text.trim().split('\n').slice(-5).join('\n  ');
}

function missingPage(
  missing: readonly ServerName[],
  { remarks }: Programs,
  failure: string | null,
): string {
  const packages = missing.map((name) => DEBIAN_PACKAGES[name]).join(' ');
  const formulas = { rabbitmq: 'rabbitmq', redis: 'redis', postgres: 'postgresql@16' };
  return [
    'Pulse needs three servers, and cannot find:',
    ...missing.map((name) => `  - ${LABELS[name]}`),
    ...remarks.map((remark) => `  ${remark}`),
    ...(failure === null ? [] : ['', 'apt-get was tried and failed:', `  ${failure}`]),
    '',
    'Do one of the following:',
    `  Debian, Ubuntu   sudo apt-get install --no-install-recommends ${packages}`,
    `  macOS            brew install ${missing.map((name) => formulas[name]).join(' ')}`,
    '  Docker           start the engine, so that `docker info` works',
    '  your own servers set RABBITMQ_URL, REDIS_URL and DATABASE_URL',
  ].join('\n');
}

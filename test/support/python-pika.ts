/** A python3 that can import pika, an AMQP client that is not ours. Installed when missing, as the servers are. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram, usualSearch } from '../../src/private-servers/programs.ts';
import { installIfAllowed } from './install-packages.ts';

const run = promisify(execFile);
const PACKAGES = ['python3', 'python3-pika'];
/** Where the packages put python3; the first on the PATH may be another, which does not see them. */
const DEBIAN_PYTHON = '/usr/bin/python3';

/** Finds the interpreter. @throws Error It is missing and cannot be installed. */
export async function findPythonWithPika(): Promise<string> {
  const search = usualSearch();
  const present = await firstWithPika(search);
  if (present !== undefined) return present;
  await installIfAllowed(PACKAGES, search);
  const installed = await firstWithPika(search);
  if (installed !== undefined) return installed;
  throw new Error(
    'This test needs a python3 with pika, and may not install packages: install python3-pika.',
  );
}

async function firstWithPika(search: ReturnType<typeof usualSearch>): Promise<string | undefined> {
  for (const program of [findProgram('python3', search), DEBIAN_PYTHON]) {
    if (program === null) continue;
    const canImport = await run(program, ['-c', 'import pika']).then(
      () => true,
      () => false,
    );
    if (canImport) return program;
  }
  return undefined;
}

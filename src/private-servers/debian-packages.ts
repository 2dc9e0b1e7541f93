/** Installs missing servers from Debian packages. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ServerName } from './process-spec.ts';
import { findProgram, type ProgramSearch } from './programs.ts';

const run = promisify(execFile);

export const DEBIAN_PACKAGES: Readonly<Record<ServerName, string>> = {
  rabbitmq: 'rabbitmq-server',
  redis: 'redis-server',
  postgres: 'postgresql',
};

/** Debian runs this program before a package starts its service; exit code 101 forbids it. */
const POLICY_FILE = '/usr/sbin/policy-rc.d';

const STANDARD_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Installs `$2…` with `$1` as the policy file. Without the policy, the packages would start servers on the
 * default ports. The policy forbids that only while this shell runs, so it does no harm if it is not removed.
 */
const SCRIPT = `set -e
policy=$1
shift
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' HUP INT TERM
  printf '#!/bin/sh\\nkill -0 %s 2>/dev/null && exit 101\\nexit 0\\n' "$$" > "$policy"
  chmod 755 "$policy"
fi
apt-get update -q
apt-get install -q -y --no-install-recommends "$@"
`;

/** A command that runs a program as root, empty if we are root; null if packages cannot be installed here. */
export async function findInstaller(search: ProgramSearch): Promise<readonly string[] | null> {
  if (findProgram('apt-get', search) === null) return null;
  if (process.getuid?.() === 0) return [];
  const sudo = findProgram('sudo', search);
  if (sudo === null) return null;
  // -n: fail instead of asking for a password.
  const allowed = await run(sudo, ['-n', 'true'], { timeout: 5_000 }).then(
    () => true,
    () => false,
  );
  return allowed ? [sudo, '-n'] : null;
}

export interface InstallOptions {
  readonly packages: readonly string[];
  /** From `findInstaller`. */
  readonly installer: readonly string[];
  readonly search: ProgramSearch;
  readonly policyFile?: string;
}

/** Installs packages without starting their services. @throws When apt-get fails, with its output. */
export async function installPackages(options: InstallOptions): Promise<void> {
  const { packages, installer, search, policyFile = POLICY_FILE } = options;
  const path = [...search.path, STANDARD_PATH].join(':');
  const [command = '/usr/bin/env', ...args] = [
    installer,
    ['/usr/bin/env', `PATH=${path}`, 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C.UTF-8'],
    ['/bin/sh', '-c', SCRIPT, 'install-packages', policyFile, ...packages],
  ].flat();
  await run(command, args, { timeout: 15 * 60_000, maxBuffer: 64 * 1024 * 1024 });
}

/** Debian packages that only tests need. */
import { findInstaller, installPackages } from '../../src/private-servers/debian-packages.ts';
import type { ProgramSearch } from '../../src/private-servers/programs.ts';

/** Installs them if this user may. @throws Error apt-get failed. */
export async function installIfAllowed(
  packages: readonly string[],
  search: ProgramSearch,
): Promise<void> {
  const installer = await findInstaller(search);
  if (installer === null) return;
  await installPackages({ packages, installer, search }).catch((cause: unknown) => {
    throw new Error(`apt-get could not install ${packages.join(' and ')}.`, { cause });
  });
}

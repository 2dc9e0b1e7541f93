/** Debian's Chromium, driven by playwright-core. Installed when missing, as the servers are. */
import { chromium, type Browser } from 'playwright-core';
import { findProgram, usualSearch } from '../../src/private-servers/programs.ts';
import { installIfAllowed } from './install-packages.ts';

const PACKAGES = ['chromium', 'fonts-dejavu-core'];

/** Starts a browser. @throws Error There is none, and none can be installed. */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: await findChromium(),
    // Root cannot use the sandbox. The pages are our own.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}

async function findChromium(): Promise<string> {
  const search = usualSearch();
  const present = findProgram('chromium', search);
  if (present !== null) return present;
  await installIfAllowed(PACKAGES, search);
  const installed = findProgram('chromium', search);
  if (installed !== null) return installed;
  throw new Error('This test needs Chromium, and may not install packages: install chromium.');
}

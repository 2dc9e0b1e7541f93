/** Global set-up of the integration tests: private servers, started once per run and stopped at its end. */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPrivateServers } from '../../src/private-servers/private-servers.ts';
import './services-context.ts';

/** @returns The tear-down, which vitest calls at the end. A run that is killed is cleaned up too. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const services = await startPrivateServers({
    directory: resolve('.pulse', `test-${process.pid}-${randomBytes(4).toString('hex')}`),
    keepFiles: false,
    onProgress: (line) => {
      project.vitest.logger.log(line);
    },
  });
  project.provide('services', { ...services.env });
  return () => services.stop();
}

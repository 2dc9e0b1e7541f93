import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startGuardian } from '../../src/private-servers/guardian-client.ts';
import { processIdentity } from '../../src/private-servers/process-identity.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pulse-test-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('orders to a guardian that is gone fail, and end nothing else', async () => {
  const guardian = await startGuardian({ directory, keepFiles: true });
  const errors: unknown[] = [];
  const record = (error: unknown) => errors.push(error);
  process.on('uncaughtException', record);
  try {
    process.kill(guardian.pid, 'SIGKILL');
    // Without a turn of the event loop: Node.js still takes the channel for open.
    while (processIdentity(guardian.pid) !== null);
    expect(guardian.isAlive()).toBe(true);
    const order = { kind: 'watch', name: 'redis' } as const;
    const orders = [1, 2, 3].map(() => guardian.send(order));
    expect(await Promise.allSettled(orders)).toMatchObject(
      orders.map(() => ({ reason: { message: expect.stringContaining('is gone') as string } })),
    );
    await guardian.stop();
  } finally {
    process.off('uncaughtException', record);
  }
  expect(errors).toEqual([]);
});

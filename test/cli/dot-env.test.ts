import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { loadDotEnv } from '../../src/cli/command.ts';

function openFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pulse-test-env-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
    vi.unstubAllEnvs();
  });
  return folder;
}

test('the file sets what is not set', () => {
  const path = join(openFolder(), '.env');
  vi.stubEnv('PULSE_TEST_GIVEN', 'environment');
  vi.stubEnv('PULSE_TEST_ABSENT', undefined);
  writeFileSync(path, 'PULSE_TEST_GIVEN=file\nPULSE_TEST_ABSENT=file\n');
  expect(loadDotEnv(path)).toBeUndefined();
  expect(process.env).toMatchObject({
    PULSE_TEST_GIVEN: 'environment',
    PULSE_TEST_ABSENT: 'file',
  });
});

test('no file, and a folder such as that of a Python environment, set nothing', () => {
  const path = join(openFolder(), '.env');
  expect(loadDotEnv(path)).toBeUndefined();
  mkdirSync(path);
  expect(loadDotEnv(path)).toBeUndefined();
});

test('a file that cannot be read is one sentence', () => {
  const path = join(openFolder(), '.env');
  // Root may read every file, but not this one.
  symlinkSync('.env', path);
  expect(loadDotEnv(path)).toMatch(/cannot be read: check its permissions/);
});

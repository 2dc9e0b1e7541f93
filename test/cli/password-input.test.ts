import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { CommandRun } from '../../src/cli/command.ts';
import { readNewPassword } from '../../src/cli/password-input.ts';
import { temporaryDirectory } from '../support/pulse-process.ts';

// It asks nobody for a password in a file.
const run = {} as CommandRun;

test('the longest password is read from a file, without the end of its line', async () => {
  const passwordFile = join(temporaryDirectory(), 'password');
  const password = '🔑'.repeat(1_024);
  writeFileSync(passwordFile, `${password}\r\n`);
  expect(await readNewPassword(run, { passwordFile })).toBe(password);
  writeFileSync(passwordFile, `${password}x`);
  await expect(readNewPassword(run, { passwordFile })).rejects.toThrow('12 to 1024 characters');
});

test('a huge file is refused as a password, without being read', async () => {
  const passwordFile = join(temporaryDirectory(), 'huge');
  writeFileSync(passwordFile, '');
  // More than fits into a text.
  truncateSync(passwordFile, 700 * 2 ** 20);
  await expect(readNewPassword(run, { passwordFile })).rejects.toThrow('12 to 1024 characters');
});

test('a folder is refused as a password in one sentence', async () => {
  const passwordFile = temporaryDirectory();
  await expect(readNewPassword(run, { passwordFile })).rejects.toThrow(
    `--password-file: ${passwordFile} cannot be read (EISDIR).`,
  );
});

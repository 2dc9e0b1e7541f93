import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openExportDirectory } from '../../src/exports/export-files.ts';

describe('the folder of exports', () => {
  const base = mkdtempSync(join(tmpdir(), 'pulse-exports-'));
  afterAll(() => {
    rmSync(base, { recursive: true });
  });

  test('is made with those above it, for its owner only, and may exist', async () => {
    const directory = join(base, 'a', 'b');
    await openExportDirectory(directory);
    await openExportDirectory(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    chmodSync(directory, 0o755);
    await openExportDirectory(directory);
  });

  test('that cannot be made is a sentence with the variable and the code, at once', async () => {
    const file = join(base, 'file');
    writeFileSync(file, '');
    for (const [directory, code] of [
      ['/proc/nope/x', 'ENOENT'],
      [file, 'ENOTDIR'],
      [join(file, 'below'), 'ENOTDIR'],
    ] as const) {
      await expect(openExportDirectory(directory)).rejects.toMatchObject({
        code: 'PULSE_EXPORT_DIRECTORY',
        message: `EXPORT_DIR (${directory}) cannot be used: ${code}.`,
      });
    }
  });
});

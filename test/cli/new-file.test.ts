import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { withNewFile } from '../../src/cli/new-file.ts';
import { temporaryDirectory } from '../support/pulse-process.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const newName = () => join(temporaryDirectory(), 'body.json');

const write = (path: string, content: string | Buffer) =>
  withNewFile({ path, option: '--save' }, (file) => file.write(content));

/** As on a disk that takes a part of what is written. */
async function failWritesWith(error: Error): Promise<void> {
  const any = await open(newName(), 'w');
  const handles = Object.getPrototypeOf(any) as FileHandle;
  await any.close();
  vi.spyOn(handles, 'writeFile').mockImplementation(async function (this: FileHandle) {
    await this.write('a part');
    throw error;
  });
}

test('a new file has what was written, for its owner only', async () => {
  const path = newName();
  await write(path, Buffer.from([0xff, 0x00]));
  expect([...readFileSync(path)]).toEqual([0xff, 0x00]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await write(`${path}.empty`, '');
  expect(readFileSync(`${path}.empty`, 'utf8')).toBe('');
});

test('a file that exists stays', async () => {
  const path = newName();
  writeFileSync(path, 'mine');
  await expect(write(path, 'other')).rejects.toMatchObject({
    code: 'PULSE_USAGE_INVALID',
    message: `--save: ${path} exists. Name another file.`,
  });
  expect(readFileSync(path, 'utf8')).toBe('mine');
});

test.each([
  ['ENOSPC', 'The disk is full (ENOSPC).'],
  ['EDQUOT', 'The disk is full (EDQUOT).'],
  ['EFBIG', 'The disk is full (EFBIG).'],
  ['EIO', 'The file cannot be written (EIO).'],
])('after %s, a sentence says so and no part of the file stays', async (code, says) => {
  const path = newName();
  await failWritesWith(Object.assign(new Error('a failure'), { code, syscall: 'write' }));
  await expect(write(path, 'a body')).rejects.toMatchObject({
    code: 'PULSE_FILE_FAILED',
    message: `--save: ${says}`,
  });
  expect(existsSync(path)).toBe(false);
});

test('work that fails or writes nothing leaves no file', async () => {
  const path = newName();
  const name = { path, option: '--output' };
  await expect(withNewFile(name, () => Promise.reject(new Error('a defect')))).rejects.toThrow(
    'a defect',
  );
  expect(await withNewFile(name, () => Promise.resolve('nothing'))).toBe('nothing');
  expect(readdirSync(join(path, '..'))).toEqual([]);
});

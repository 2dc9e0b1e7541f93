import fs, { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { LogDestination } from '../../src/platform/log-destination.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryDirectory } from '../support/pulse-process.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const FULL = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });

function openLog(waitingMax?: number) {
  const path = join(temporaryDirectory(), 'log');
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND);
  const disk = { isFull: false, bytesAtOnce: Infinity };
  const write = fs.write;
  const writeSync = fs.writeSync;
  vi.spyOn(fs, 'write').mockImplementation(((
    one: number,
    bytes: Buffer,
    ...[from, length, place, done]: [number, number, null, (error: unknown, count: number) => void]
  ) => {
    if (disk.isFull) setImmediate(done, FULL, 0);
    else write(one, bytes, from, Math.min(length, disk.bytesAtOnce), place, done);
  }) as typeof fs.write);
  vi.spyOn(fs, 'writeSync').mockImplementation(((one: number, bytes: Buffer) => {
    if (disk.isFull) throw FULL;
    return writeSync(one, bytes, 0, Math.min(bytes.length, disk.bytesAtOnce));
  }) as typeof fs.writeSync);
  return {
    disk,
    destination: new LogDestination(fd, waitingMax),
    read: () => readFileSync(path, 'utf8'),
    close: () => {
      closeSync(fd);
    },
  };
}

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`);

test('lines are written in order, also when the system takes a few bytes at a time', async () => {
  const { disk, destination, read, close } = openLog();
  disk.bytesAtOnce = 3;
  for (const line of lines(0, 100)) destination.write(line);
  await eventually(read).toBe(lines(0, 100).join(''));
  close();
});

test('while the disk is full lines wait, and are written once there is space', async () => {
  const { disk, destination, read, close } = openLog();
  disk.isFull = true;
  for (const line of lines(0, 10)) destination.write(line);
  await eventually(() => vi.mocked(fs.write).mock.calls.length).toBeGreaterThan(2);
  expect(read()).toBe('');
  disk.isFull = false;
  await eventually(read).toBe(lines(0, 10).join(''));
  close();
});

test('lines beyond the bound are left out, and their number is written', async () => {
  const { disk, destination, read, close } = openLog(70);
  disk.isFull = true;
  for (const line of lines(0, 30)) destination.write(line);
  disk.isFull = false;
  await eventually(() => read().split('\n').length).toBe(12);
  const written = read().trimEnd().split('\n');
  expect(written.slice(0, 10).join('\n')).toBe(lines(0, 10).join('').trimEnd());
  expect(JSON.parse(written[10]!)).toMatchObject({ level: 40, count: 20 });
  close();
});

test('at the exit what waits is written, and a full disk does not hold it up', async () => {
  const { disk, destination, read, close } = openLog();
  disk.isFull = true;
  for (const line of lines(0, 10)) destination.write(line);
  await eventually(() => vi.mocked(fs.write).mock.calls.length).toBeGreaterThan(0);
  destination.flushSync();
  expect(read()).toBe('');
  for (const line of lines(10, 20)) destination.write(line);
  disk.isFull = false;
  destination.flushSync();
  expect(read()).toContain(lines(10, 20).join(''));
  close();
});

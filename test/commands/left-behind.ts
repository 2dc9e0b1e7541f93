/** Finds what a command left behind: processes and files. */
import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync } from 'node:fs';
import { eventually } from '../support/eventually.ts';
import { temporaryDirectory } from '../support/pulse-process.ts';

/** A directory that other users' servers can enter. */
export function openDirectory(): string {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o755);
  return directory;
}

/** The command lines of processes that mention the directory. */
export function processesOf(directory: string): string[] {
  const list = execFileSync('ps', ['-A', '-ww', '-o', 'args='], { encoding: 'utf8' });
  return list.split('\n').filter((line) => line.includes(directory));
}

/** Waits until no process uses the directory and it contains no file. */
export async function nothingIsLeft(directory: string): Promise<void> {
  await eventually(() => [...processesOf(directory), ...filesIn(directory)]).toEqual([]);
}

/** Waits until no process uses the directory. */
export async function noProcessIsLeft(directory: string): Promise<void> {
  await eventually(() => processesOf(directory)).toEqual([]);
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => entry.name);
}

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/commands/command-list.ts';

const LIST = 'src/commands/command-list.ts';
/** Packages that only long-running processes need; they take longest to load. */
const HEAVY = ['piscina', 'fastify', '@fastify/swagger'];

/** The files and packages that loading a file of src also loads. Types load nothing. */
function loadedWith(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  for (const [, name = ''] of text.matchAll(/^import (?!type )(?:[^;']* from )?'([^']+)';/gm)) {
    if (name.startsWith('.')) loadedWith(join(dirname(file), name), seen);
    else seen.add(name);
  }
  return seen;
}

function commandFiles(): string[] {
  const names = readFileSync(LIST, 'utf8').matchAll(/import\('(.+?)'\)/g);
  return [...new Set([...names].map(([, name = '']) => join(dirname(LIST), name)))];
}

test('a one-off command loads neither threads nor the HTTP server', () => {
  const files = commandFiles();
  expect(files).toContain('src/commands/verify.ts');
  for (const name of HEAVY) expect(loadedWith('src/commands/start.ts')).toContain(name);
  const heavy = files.filter((file) => HEAVY.some((name) => loadedWith(file).has(name)));
  const longRunning = ['start', 'api', 'worker', 'demo'].map((name) => `src/commands/${name}.ts`);
  expect(heavy).toEqual(longRunning);
  expect(loadedWith('src/commands/worker.ts')).not.toContain('fastify');
});

test('help and the list of commands load no command', () => {
  const loaded = [...loadedWith('src/main.ts')];
  expect(loaded.filter((file) => file.startsWith('src/commands/'))).toEqual([LIST]);
});

test('the summary of each command is one sentence or more', () => {
  for (const { summary } of Object.values(COMMANDS)) expect(summary).toMatch(/^[A-Z].*\.$/);
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, test, vi } from 'vitest';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { COMMANDS } from '../../src/commands/command-list.ts';

/** The first test loads every command. */
vi.setConfig({ testTimeout: 60_000 });

async function loadProgram(): Promise<Command> {
  let loading: Promise<Command> | undefined;
  const probe = {
    summary: 'Load all others.',
    load: () =>
      Promise.resolve((command: Command, { loadAll }: { loadAll: () => Promise<Command> }) => {
        command.action(() => {
          loading = loadAll();
        });
      }),
  };
  const quiet = { write: () => true };
  const environment = {
    env: {},
    stdout: quiet,
    stderr: quiet,
    stop: new AbortController().signal,
  };
  await runCommandLine(['probe'], environment, { ...COMMANDS, probe });
  return await loading!;
}

function pagesIn(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const pages = names.filter((name) => name.endsWith('.md') && !name.includes('node_modules'));
  return pages.map((name) => join(folder, name));
}

/** Calls of Pulse in the shell blocks of a page, without what the shell adds. */
function callsIn(page: string): string[] {
  const blocks = readFileSync(page, 'utf8').matchAll(/^```sh\n(.*?)^```$/gms);
  const lines = [...blocks].flatMap(([, text = '']) => text.replaceAll('\\\n', ' ').split('\n'));
  return lines.flatMap((line) => {
    const calls = line
      .replace(/(^| )#.*$/, '')
      .matchAll(/(?:^|[(;&|] ?|[A-Z]=\S+ )(?:pulse|node dist\/main\.js) ([^;|&)]+)/g);
    return [...calls].map(([, args = '']) => args.trim());
  });
}

/** What is wrong with a call; undefined if nothing is. */
function fault(program: Command, call: string): string | undefined {
  let command = program;
  for (const word of call.replace(/'[^']*'|"[^"]*"/g, 'TEXT').split(/\s+/)) {
    const next = command.commands.find((one) => one.name() === word);
    if (next !== undefined) command = next;
    else if (command.commands.length > 0) return `there is no command ${word}`;
    else if (word.startsWith('--') && !command.options.some(({ long }) => long === word)) {
      return `there is no option ${word}`;
    }
  }
  return undefined;
}

test('every command in a shell block of the documentation exists, with its options', async () => {
  const program = await loadProgram();
  const pages = ['README.md', 'CONTRIBUTING.md', ...['docs', 'clients', 'deploy'].flatMap(pagesIn)];
  const calls = pages.flatMap((page) => callsIn(page).map((call) => ({ page, call })));
  expect(calls.length).toBeGreaterThan(20);
  const faults = calls.flatMap(({ page, call }) => {
    const wrong = fault(program, call);
    return wrong === undefined ? [] : [`${page}: pulse ${call}: ${wrong}`];
  });
  expect(faults).toEqual([]);
  expect(fault(program, 'users list --fast')).toContain('--fast');
  expect(fault(program, 'verfy')).toContain('verfy');
});

test('the README lists every command', () => {
  const listed = [...readFileSync('README.md', 'utf8').matchAll(/^- (`pulse .*?):/gms)];
  const names = listed.flatMap(([, line = '']) =>
    [...line.matchAll(/`pulse ([a-z-]+)/g)].map(([, name]) => name),
  );
  expect(names.sort()).toEqual(Object.keys(COMMANDS).sort());
});

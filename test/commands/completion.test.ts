import { execFileSync } from 'node:child_process';
import { expect, test, vi } from 'vitest';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { COMMANDS } from '../../src/commands/command-list.ts';

/** The first test loads every command. */
vi.setConfig({ testTimeout: 60_000 });

async function script(shell: string): Promise<string> {
  let text = '';
  const write = (part: string) => (text += part);
  const environment = {
    env: {},
    stdout: { write },
    stderr: { write },
    stop: new AbortController().signal,
  };
  expect(await runCommandLine(['completion', shell], environment, COMMANDS)).toBe(0);
  return text;
}

/** What bash offers for the last of the words. */
function offered(text: string, words: readonly string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(' ');
  const ask = `COMP_WORDS=(pulse ${line}); COMP_CWORD=${words.length}; _pulse; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const answer = execFileSync('bash', ['-uc', `${text}\n${ask}`], { encoding: 'utf8' });
  return answer.split('\n').filter((word) => word !== '');
}

test('bash completes commands, commands of groups, and options', async () => {
  const text = await script('bash');
  expect(offered(text, [''])).toEqual(expect.arrayContaining(Object.keys(COMMANDS)));
  expect(offered(text, ['dead'])).toEqual(['dead-letters']);
  expect(offered(text, ['dead-letters', 'd'])).toEqual(['discard']);
  expect(offered(text, ['dead-letters', 'discard', '--no'])).toEqual(['--note']);
  expect(offered(text, ['subscriptions', 'c'])).toEqual(['cancel']);
  expect(offered(text, ['endpoints', 'ro'])).toEqual(['rotate', 'rotate-keys']);
  expect(offered(text, ['deliveries', 'resend', '--e'])).toEqual(['--endpoint']);
  expect(offered(text, ['status', '--json', '--w'])).toEqual(['--watch']);
  expect(offered(text, ['send', '--tenant', 'acme', '--s'])).toEqual(['--sku']);
  expect(offered(text, ['flush', '--allow'])).toEqual([]);
});

test.each(['zsh', 'fish'])('the script for %s has every command and option', async (shell) => {
  const text = await script(shell);
  for (const name of Object.keys(COMMANDS)) expect(text).toContain(name);
  for (const option of ['even-if-forgotten', 'watch', 'password-file']) {
    expect(text).toContain(option);
  }
  expect(text).not.toContain('allow-test-faults');
});

test('an unknown shell is refused, and the error lists the known ones', async () => {
  let stderr = '';
  const environment = {
    env: {},
    stdout: { write: () => true },
    stderr: { write: (text: string) => (stderr += text) },
    stop: new AbortController().signal,
  };
  expect(await runCommandLine(['completion', 'csh'], environment, COMMANDS)).toBe(2);
  expect(stderr).toContain('bash, zsh, fish');
});

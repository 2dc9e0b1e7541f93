import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { EXIT_DONE, EXIT_FAILED, misused } from '../../src/cli/command.ts';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { defineCommand, defineGroup, type SetUp } from '../../src/cli/define-command.ts';
import { instant, integer } from '../../src/cli/options.ts';

/** Runs `pulse <args>` with one command, `count`, and one that must not be loaded. */
async function run(setUp: SetUp, ...args: string[]) {
  const out = { stdout: '', stderr: '' };
  const environment = {
    env: { LOG_LEVEL: 'silent' },
    stdout: { write: (text: string) => (out.stdout += text) },
    stderr: { write: (text: string) => (out.stderr += text) },
    stop: new AbortController().signal,
  };
  const commands = {
    count: { summary: 'Count things.', load: () => Promise.resolve(setUp) },
    other: { summary: 'Do nothing.', load: () => Promise.reject(new Error('loaded')) },
  };
  const exitCode = await runCommandLine(args, environment, commands, '1.2.3');
  return { exitCode, ...out };
}

const count = defineCommand({
  argument: '[names...]',
  options: {
    limit: integer('at most this many', { min: 1, max: 9, default: 3 }),
    since: { value: '<instant>', about: 'only later ones', parse: instant },
    color: { value: '<color>', about: 'only this one', choices: ['red', 'blue'] },
    dryRun: { about: 'only look' },
  },
  json: true,
  examples: ['pulse count a b'],
  run({ flags, argument, answer }) {
    answer({ flags, argument, large: 2n ** 60n }, [`limit ${flags.limit}`, ...argument]);
    return Promise.resolve(argument.length > 0 ? EXIT_DONE : EXIT_FAILED);
  },
});

describe('a defined command', () => {
  test('gets its flags and its argument, with defaults', async () => {
    const { stdout, exitCode } = await run(count, 'count', 'a', 'b', '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      flags: { limit: 3, dryRun: false },
      argument: ['a', 'b'],
      large: String(2n ** 60n),
    });
  });

  test('parses the values of its options', async () => {
    const given = [
      '--limit',
      '9',
      '--since',
      '1970-01-01T00:00:01Z',
      '--color',
      'red',
      '--dry-run',
    ];
    const { stdout } = await run(count, 'count', 'a', '--json', ...given);
    expect(JSON.parse(stdout)).toMatchObject({
      flags: { limit: 9, since: 1_000, color: 'red', dryRun: true },
    });
  });

  test('prints lines without --json, and the number that it returns is the exit code', async () => {
    expect(await run(count, 'count', 'a')).toMatchObject({ exitCode: 0, stdout: 'limit 3\na\n' });
    expect(await run(count, 'count')).toMatchObject({ exitCode: 1, stdout: 'limit 3\n' });
  });

  test('runs after --, which ends the options of pulse itself', async () => {
    const { stdout, exitCode } = await run(count, '--', 'count', 'a');
    expect({ stdout, exitCode }).toEqual({ stdout: 'limit 3\na\n', exitCode: 0 });
  });

  test('shows its summary, options and examples as help', async () => {
    for (const args of [
      ['count', '--help'],
      ['help', 'count'],
      ['help', '--', 'count'],
      ['--', 'help', 'count'],
    ]) {
      const { stdout, exitCode } = await run(count, ...args);
      expect(exitCode).toBe(0);
      expect(stdout).toContain('Usage: pulse count [options] [names...]\n\nCount things.');
      expect(stdout).toContain('--limit <n>');
      expect(stdout).toContain('(default: 3)');
      expect(stdout).toContain('Example:\n  $ pulse count a b\n');
    }
  });

  test.each([
    ['a wrong number', ['count', '--limit', '10'], 'from 1 to 9'],
    ['a wrong instant', ['count', '--since', 'yesterday'], 'RFC 3339'],
    ['a wrong choice', ['count', '--color', 'green'], 'red, blue'],
    ['an unknown option', ['count', '--fast'], '--fast'],
    ['an unknown command', ['coumt'], 'Did you mean count?'],
    ['an unknown command after --', ['--', 'coumt'], 'Did you mean count?'],
    ['only --', ['--'], 'Usage: pulse'],
  ])('refuses %s with exit code 2', async (_name, args, hint) => {
    const { exitCode, stdout, stderr } = await run(count, ...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(hint);
  });

  test('ends with 2 when it throws a usage error, and with 1 for any other error', async () => {
    const failing = (error: Error) =>
      defineCommand({ examples: [], run: () => Promise.reject(error) });
    expect(await run(failing(misused('No.')), 'count')).toMatchObject({
      exitCode: 2,
      stderr: 'pulse: No.\n',
    });
    expect((await run(failing(new Error('a defect')), 'count')).exitCode).toBe(1);
  });

  test('refuses an argument that is not UTF-8, of which Node.js loses what was meant', async () => {
    const script = `exec "$0" -p 'process.argv[1]' "$(printf 'caf\\351')"`;
    const garbled = execFileSync('sh', ['-c', script, process.execPath], { encoding: 'utf8' });
    for (const args of [[garbled.trim()], ['a', `--color=${garbled.trim()}`]]) {
      const { exitCode, stdout, stderr } = await run(count, 'count', ...args);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toMatch(/^pulse: The argument \S+ is not UTF-8\. Use UTF-8\.\n$/);
    }
  });

  test('refuses to run without a required option', async () => {
    const strict = defineCommand({
      options: { note: { value: '<text>', about: 'why', required: true } },
      examples: [],
      run: ({ flags, print }) => {
        print(flags.note.toUpperCase());
        return Promise.resolve(EXIT_DONE);
      },
    });
    expect((await run(strict, 'count')).exitCode).toBe(2);
    expect((await run(strict, 'count', '--note', 'why')).stdout).toBe('WHY\n');
  });

  test('reads the environment variables that it asks for', async () => {
    const changed = defineCommand({
      env: (env) => ({ ...env, PULSE_QUEUE: 'mine' }),
      examples: [],
      run: ({ config, print }) => {
        print(config.queue);
        return Promise.resolve(EXIT_DONE);
      },
    });
    expect((await run(changed, 'count')).stdout).toBe('mine\n');
  });
});

test('a group lists its commands and runs the named one', async () => {
  const up = defineCommand({
    summary: 'Count upwards.',
    argument: '<from>',
    examples: ['pulse count up 1'],
    run: ({ argument, print }) => {
      print(argument);
      return Promise.resolve(EXIT_DONE);
    },
  });
  const group = defineGroup({ up }, ['pulse count up 1']);
  expect((await run(group, 'count', 'up', 'a')).stdout).toBe('a\n');
  const { exitCode, stderr } = await run(group, 'count');
  expect(exitCode).toBe(2);
  expect(stderr).toContain('Count upwards.');
});

test('--version prints the version', async () => {
  expect(await run(count, '--version')).toEqual({ exitCode: 0, stdout: '1.2.3\n', stderr: '' });
});

test('help lists every command and loads none', async () => {
  const { exitCode, stdout } = await run(count, '--help');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/count +Count things\.\n +other +Do nothing\./);
});

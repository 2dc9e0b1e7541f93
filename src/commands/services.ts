/** `pulse services up|down|status|env`: private servers that stay until they are stopped. */
import { EXIT_DONE, EXIT_FAILED, type CommandRun } from '../cli/command.ts';
import { defineCommand, defineGroup } from '../cli/define-command.ts';
import { toSnakeCase } from '../cli/wording.ts';
import { serverOf } from '../platform/logger.ts';
import {
  downInstance,
  findRunningInstance,
  INSTANCE_DIRECTORY,
  upInstance,
} from '../private-servers/instance.ts';
import { SERVER_NAMES, type ServerName } from '../private-servers/process-spec.ts';
import type { RunningState } from '../private-servers/running-state.ts';
import { silentServers } from '../private-servers/server-answers.ts';

const up = defineCommand({
  summary: 'Start the servers, or those that have ended, and leave them running.',
  json: true,
  examples: ['pulse services up'],
  async run({ answer, tell }) {
    const options = { directory: INSTANCE_DIRECTORY, onProgress: tell };
    const { state, started } = await upInstance(options);
    const first = started ? 'The servers are running.' : 'The servers were already running.';
    answer({ started, ...state.env }, [first, ...describeServers(state), ...describeEnd(state)]);
    return EXIT_DONE;
  },
});

const down = defineCommand({
  summary: 'Stop the servers. Their data is kept.',
  json: true,
  examples: ['pulse services down'],
  async run({ answer }) {
    const result = await downInstance(INSTANCE_DIRECTORY);
    answer(toSnakeCase(result), describeDown(result));
    return result.outcome === 'attached' ? EXIT_FAILED : EXIT_DONE;
  },
});

function describeDown(result: Awaited<ReturnType<typeof downInstance>>): string {
  if (result.outcome === 'attached') {
    return `The servers belong to the running process ${result.ownerPid}: stop that process.`;
  }
  return result.outcome === 'stopped'
    ? 'The servers have stopped. Their data is kept.'
    : 'No servers were running.';
}

const status = defineCommand({
  summary: 'Show whether the servers answer. Exits with 1 if one does not.',
  json: true,
  examples: ['pulse services status'],
  run: (run) =>
    withRunning(run, async (state) => {
      const silent = await silentServers(state.env);
      const { processes, abandoned } = state;
      const servers = Object.fromEntries(
        SERVER_NAMES.map((name) => [name, silent.includes(name) ? 'silent' : 'answering']),
      );
      run.answer({ running: silent.length === 0, servers, processes, abandoned }, [
        ...describeSilent(silent),
        ...Object.values(abandoned),
        ...describeServers(state),
        ...describeEnd(state),
      ]);
      return silent.length === 0 ? EXIT_DONE : EXIT_FAILED;
    }),
});

function describeSilent(silent: readonly ServerName[]): string[] {
  if (silent.length === 0) return ['All servers answer.'];
  return [`Not answering: ${silent.join(', ')}. \`pulse services up\` starts what has ended.`];
}

const env = defineCommand({
  summary: "Print the servers' addresses as shell variables.",
  json: true,
  examples: ['pulse services env'],
  run: (run) =>
    withRunning(run, (state) => {
      const lines = Object.entries(state.env).map(([name, value]) => `export ${name}='${value}'`);
      run.answer(state.env, lines);
      return EXIT_DONE;
    }),
});

export const services = defineGroup({ up, down, status, env }, [
  'pulse services up',
  'eval "$(pulse services env)"',
]);

async function withRunning(
  run: CommandRun & { readonly json: boolean },
  answer: (state: RunningState) => number | Promise<number>,
): Promise<number> {
  const state = findRunningInstance(INSTANCE_DIRECTORY);
  if (state !== null) return await answer(state);
  if (run.json) run.print('{"running":false}');
  else run.tell('No servers are running in this folder. Start them: `pulse services up`.');
  return EXIT_FAILED;
}

function describeEnd({ attachedTo }: RunningState): string[] {
  return attachedTo === null ? [] : [`They stop when process ${attachedTo} ends.`];
}

function describeServers({ env, processes }: RunningState): string[] {
  const urls = Object.entries<string>({ ...env });
  return [
    ...urls.map(([name, url]) => `  ${name.padEnd(13)} ${serverOf(url)}`),
    ...Object.entries(processes).map(
      ([name, pid]) => `  ${name.padEnd(13)} ${pid === null ? 'has ended' : `process ${pid}`}`,
    ),
  ];
}

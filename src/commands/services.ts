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
import type { RunningState } from '../private-servers/running-state.ts';

const up = defineCommand({
  summary: 'Start the servers and leave them running.',
  json: true,
  examples: ['pulse services up'],
  async run({ answer, tell }) {
    const options = { directory: INSTANCE_DIRECTORY, onProgress: tell };
    const { state, started } = await upInstance(options);
    const first = started ? 'The servers are running.' : 'The servers were already running.';
    answer({ started, ...state.env }, [first, ...describeServers(state)]);
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
  summary: 'Show whether the servers are running. Exits with 1 if not.',
  json: true,
  examples: ['pulse services status'],
  run: (run) =>
    withRunning(run, (state) => {
      run.answer({ running: true, processes: state.processes }, describeServers(state));
    }),
});

const env = defineCommand({
  summary: "Print the servers' addresses as shell variables.",
  json: true,
  examples: ['pulse services env'],
  run: (run) =>
    withRunning(run, (state) => {
      const lines = Object.entries(state.env).map(([name, value]) => `export ${name}='${value}'`);
      run.answer(state.env, lines);
    }),
});

export const services = defineGroup({ up, down, status, env }, [
  'pulse services up',
  'eval "$(pulse services env)"',
]);

function withRunning(
  run: CommandRun & { readonly json: boolean },
  answer: (state: RunningState) => void,
): Promise<number> {
  const state = findRunningInstance(INSTANCE_DIRECTORY);
  if (state !== null) answer(state);
  else if (run.json) run.print('{"running":false}');
  else run.tell('No servers are running in this folder. Start them: `pulse services up`.');
  return Promise.resolve(state === null ? EXIT_FAILED : EXIT_DONE);
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

/** `pulse services up|down|status|env`. */
import type { Command } from 'commander';
import { serverOf } from '../platform/logger.ts';
import {
  downInstance,
  findRunningInstance,
  INSTANCE_DIRECTORY,
  upInstance,
} from '../private-servers/instance.ts';
import type { RunningState } from '../private-servers/running-state.ts';
import {
  EXIT_DONE,
  EXIT_FAILED,
  runAction,
  toJson,
  withExamples,
  type Action,
  type CommandEnvironment,
  type CommandRun,
} from '../cli/command.ts';

interface Flags {
  readonly json?: true;
}

export function addServicesCommand(
  program: Command,
  environment: CommandEnvironment,
  setExitCode: (code: number) => void,
): void {
  const services = program
    .command('services')
    .description(
      'Private RabbitMQ, Redis and Postgres of this folder, data kept in .pulse/services.',
    );
  withExamples(services, 'pulse services up', 'eval "$(pulse services env)"');
  const add = (name: string, description: string, act: (flags: Flags) => Action): void => {
    const command = services
      .command(name)
      .description(description)
      .option('--json', 'print the answer as JSON')
      .action(async (flags: Flags) => {
        setExitCode(await runAction(environment, { api: false }, act(flags)));
      });
    withExamples(command, `pulse services ${name}`);
  };
  add('up', 'Start them and leave them running.', up);
  add('down', 'Stop them; their data stay.', down);
  add('status', 'Say whether they run. Exits 1 if not.', status);
  add('env', 'Print their addresses as shell variables.', env);
}

const up =
  (flags: Flags): Action =>
  async (run) => {
    const { state, started } = await upInstance({
      directory: INSTANCE_DIRECTORY,
      onProgress: run.tell,
    });
    if (flags.json === true) run.print(toJson({ started, ...state.env }));
    else {
      run.print(started ? 'The servers run.' : 'The servers were running already.');
      printServers(run, state);
    }
    return EXIT_DONE;
  };

const down =
  (flags: Flags): Action =>
  async (run) => {
    const result = await downInstance(INSTANCE_DIRECTORY);
    if (flags.json === true) run.print(toJson(result));
    else if (result.outcome === 'stopped') run.print('The servers have stopped; their data stay.');
    else if (result.outcome === 'attached') {
      run.print(`The servers belong to the running process ${result.ownerPid}: stop that one.`);
    } else run.print('No servers were running.');
    return result.outcome === 'attached' ? EXIT_FAILED : EXIT_DONE;
  };

const status = (flags: Flags): Action =>
  withRunning(flags, (run, state) => {
    if (flags.json === true) run.print(toJson({ running: true, processes: state.processes }));
    else printServers(run, state);
  });

const env = (flags: Flags): Action =>
  withRunning(flags, (run, state) => {
    if (flags.json === true) run.print(toJson(state.env));
    else
      for (const [name, value] of Object.entries(state.env)) run.print(`export ${name}='${value}'`);
  });

function withRunning(flags: Flags, answer: (run: CommandRun, state: RunningState) => void): Action {
  return (run) => {
    const state = findRunningInstance(INSTANCE_DIRECTORY);
    if (state !== null) answer(run, state);
    else if (flags.json === true) run.print(toJson({ running: false }));
    else run.tell('No servers run in this folder. Start them: `pulse services up`.');
    return Promise.resolve(state === null ? EXIT_FAILED : EXIT_DONE);
  };
}

function printServers(run: CommandRun, { env, processes }: RunningState): void {
  for (const [name, url] of Object.entries<string>({ ...env }))
    run.print(`  ${name.padEnd(13)} ${serverOf(url)}`);
  for (const [name, pid] of Object.entries(processes)) {
    run.print(`  ${name.padEnd(13)} ${pid === null ? 'has ended' : `process ${pid}`}`);
  }
}

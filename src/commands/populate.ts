/** `pulse populate`. */
import { InvalidArgumentError, type Command } from 'commander';
import { startPopulateRun, type PopulateProgress } from '../populate/populate.ts';
import { waitForRabbit } from '../platform/rabbit-connection.ts';
import {
  EXIT_DONE,
  EXIT_FAILED,
  runAction,
  toJson,
  withExamples,
  type CommandEnvironment,
} from '../cli/command.ts';
import { startProgress } from '../cli/progress.ts';
import { findServers } from '../cli/servers.ts';

interface PopulateFlags {
  readonly total: number;
  readonly workers: number;
  readonly buffer: number;
  readonly json?: true;
}

export function addPopulateCommand(
  program: Command,
  environment: CommandEnvironment,
  setExitCode: (code: number) => void,
): void {
  const command = program
    .command('populate')
    .description('Fill the queue with generated pulses, each confirmed by the broker.')
    .option('--total <n>', 'pulses to publish', integer(1, 1_000_000_000), 100_000)
    .option('--workers <n>', 'publishers at a time', integer(1, 64), 2)
    .option('--buffer <n>', 'unconfirmed pulses per publisher', integer(1, 10_000), 1_000)
    .option('--json', 'print the result as JSON')
    .action(async (flags: PopulateFlags) => {
      setExitCode(
        await runAction(environment, { api: false }, async (run) => {
          const { config, logger, stop } = run;
          const url = findServers(run).rabbitmqUrl;
          await waitForRabbit(url, { timeoutMs: config.startTimeoutMs, logger, signal: stop });
          const { total, workers, buffer } = flags;
          const populate = startPopulateRun(
            { url, queue: config.queue, logger, signal: stop },
            { total, workers, buffer },
          );
          const bar = startProgress('publishing', total, run);
          const drawing = setInterval(() => {
            bar.update(populate.progress().confirmed);
          }, 200);
          const result = await populate.done;
          clearInterval(drawing);
          bar.update(result.confirmed);
          bar.stop();
          run.print(flags.json === true ? toJson(result) : describe(result));
          return result.state === 'completed' ? EXIT_DONE : EXIT_FAILED;
        }),
      );
    });
  withExamples(command, 'pulse populate --total 1000000 --workers 4 --buffer 2000');
}

function describe({ state, confirmed, total, ratePerSecond, error }: PopulateProgress): string {
  const sum = `${state}: ${confirmed} of ${total} pulses confirmed, ${Math.round(ratePerSecond)}/s`;
  return error === null ? sum : `${sum}\n${error}`;
}

/** A whole number as an option's value. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

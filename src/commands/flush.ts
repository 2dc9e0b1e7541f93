/** `pulse flush`. */
import { Option, type Command } from 'commander';
import { flushAll, type FlushDeps } from '../flush/flush.ts';
import { armCrashPoint, createCrashPoint } from '../platform/crash-points.ts';
import {
  EXIT_DONE,
  runAction,
  toJson,
  withExamples,
  type CommandEnvironment,
  type CommandRun,
} from '../cli/command.ts';
import { prepareServers } from '../cli/prepare-servers.ts';
import { findServers } from '../cli/servers.ts';
import { openAccumulator, openClients } from '../cli/clients.ts';

export function addFlushCommand(
  program: Command,
  environment: CommandEnvironment,
  setExitCode: (code: number) => void,
): void {
  const command = program
    .command('flush')
    .description('Write what Redis holds to Postgres now. Safe beside running workers.')
    .option('--json', 'print the report as JSON')
    .addOption(new Option('--allow-test-faults').hideHelp())
    .action(async (flags: { json?: true; allowTestFaults?: true }) => {
      const needs = { api: false, testFaults: flags.allowTestFaults };
      setExitCode(
        await runAction(environment, needs, async (run) => {
          const clients = openClients(run, findServers(run));
          await prepareServers(run, clients);
          const accumulator = openAccumulator(run, clients.redis);
          const { pool } = clients;
          const crashPoint = flushCrashPoint(run);
          const report = await flushAll({ accumulator, pool, logger: run.logger, ...crashPoint });
          if (flags.json === true) run.print(toJson(report));
          else {
            run.print(
              `flushed ${report.rowCount} rows of ${report.pulseCount} pulses ` +
                `in ${report.batchCount} batches, ${report.seconds.toFixed(2)} s`,
            );
            if (report.skippedCount > 0) {
              run.print(`${report.skippedCount} batches are being flushed by another process`);
            }
          }
          return EXIT_DONE;
        }),
      );
    });
  withExamples(command, 'pulse flush', 'pulse flush --json');
}

/** Where a fault test ends this process in the middle of a flush. */
export function flushCrashPoint({ config }: CommandRun): Pick<FlushDeps, 'onStep'> {
  return { onStep: createCrashPoint(armCrashPoint(config.crashAt), ['flush']) };
}

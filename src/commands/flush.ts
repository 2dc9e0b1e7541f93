/** `pulse flush`. */
import { assertEpochFits } from '../aggregate/epoch.ts';
import { openClients } from '../cli/clients.ts';
import { EXIT_DONE, type CommandRun } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { prepareServers } from '../cli/prepare-servers.ts';
import { count, toSnakeCase } from '../cli/wording.ts';
import { flushAll } from '../flush/flush.ts';
import { armCrashPoint, createCrashPoint } from '../platform/crash-points.ts';

export const flush = defineCommand({
  json: true,
  needs: { testFaults: true },
  examples: ['pulse flush', 'pulse flush --json'],
  async run(run) {
    const clients = openClients(run);
    await prepareServers(run, clients, { checks: [(_run, opened) => assertEpochFits(opened)] });
    const onStep = flushCrashPoint(run);
    const report = await flushAll({ ...clients, logger: run.logger, onStep });
    const { rowCount, pulseCount, batchCount, skippedCount, seconds } = report;
    const lines = [
      `flushed ${count(rowCount, 'row')} of ${count(pulseCount, 'pulse')} ` +
        `in ${count(batchCount, 'batch')}, ${seconds.toFixed(2)} s`,
    ];
    if (skippedCount > 0) {
      lines.push(`another process is flushing ${count(skippedCount, 'batch')}`);
    }
    run.answer(toSnakeCase(report), lines);
    return EXIT_DONE;
  },
});

/** Where a fault test ends this process in the middle of a flush. */
export function flushCrashPoint({ config }: CommandRun) {
  return createCrashPoint(armCrashPoint(config.crashAt), ['flush']);
}

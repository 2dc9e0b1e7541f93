/** `pulse recover`. */
import type { Command } from 'commander';
import { beginNewEpoch, ensureEpoch } from '../aggregate/epoch.ts';
import { PulseError } from '../core/errors.ts';
import { sumFlushedPulses } from '../flush/ledger.ts';
import { EXIT_DONE, runAction, withExamples, type CommandEnvironment } from '../cli/command.ts';
import { prepareServers } from '../cli/prepare-servers.ts';
import { findServers } from '../cli/servers.ts';
import { openAccumulator, openClients } from '../cli/clients.ts';

export function addRecoverCommand(
  program: Command,
  environment: CommandEnvironment,
  setExitCode: (code: number) => void,
): void {
  const command = program
    .command('recover')
    .description('Accept that Redis has lost its memory and count on. Stop all workers first.')
    .requiredOption('--note <text>', 'what happened; kept in table epochs')
    .action(async ({ note }: { note: string }) => {
      setExitCode(
        await runAction(environment, { api: false }, async (run) => {
          const clients = openClients(run, findServers(run));
          await prepareServers(run, clients);
          const accumulator = openAccumulator(run, clients.redis);
          const deps = { ...clients, accumulator };
          if (await isWhole(() => ensureEpoch(deps))) {
            run.print('Redis and Postgres belong together; there is nothing to recover.');
            return EXIT_DONE;
          }
          const epoch = await beginNewEpoch(deps, {
            note,
            flushedPulses: (shard, exceptBatchIds) =>
              sumFlushedPulses(clients.pool, { shard, exceptBatchIds }),
          });
          run.print(
            `Epoch ${epoch} has begun. What Redis had not flushed is lost; start the workers.`,
          );
          return EXIT_DONE;
        }),
      );
    });
  withExamples(command, "pulse recover --note 'disk of redis-1 replaced, AOF not restorable'");
}

async function isWhole(ensure: () => Promise<unknown>): Promise<boolean> {
  try {
    await ensure();
    return true;
  } catch (error) {
    if (error instanceof PulseError && error.code === 'PULSE_REDIS_EPOCH') return false;
    throw error;
  }
}

/** `pulse recover`. */
import { beginNewEpoch, ensureEpoch } from '../aggregate/epoch.ts';
import { openClients } from '../cli/clients.ts';
import { EXIT_DONE } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { prepareServers } from '../cli/prepare-servers.ts';
import { PulseError } from '../core/errors.ts';
import { sumFlushedPulses } from '../flush/ledger.ts';

export const recover = defineCommand({
  options: {
    note: { value: '<text>', about: 'what happened; kept in table epochs', required: true },
  },
  examples: ["pulse recover --note 'disk of redis-1 replaced, AOF not restorable'"],
  async run(run) {
    const clients = openClients(run);
    await prepareServers(run, clients);
    if (await isWhole(() => ensureEpoch(clients))) {
      run.print('Redis and Postgres belong together; there is nothing to recover.');
      return EXIT_DONE;
    }
    const epoch = await beginNewEpoch(clients, {
      note: run.flags.note,
      flushedPulses: (shard, exceptBatchIds) =>
        sumFlushedPulses(clients.pool, { shard, exceptBatchIds }),
    });
    run.print(`Epoch ${epoch} has begun. What Redis had not flushed is lost. Start the workers.`);
    return EXIT_DONE;
  },
});

async function isWhole(ensure: () => Promise<unknown>): Promise<boolean> {
  try {
    await ensure();
    return true;
  } catch (error) {
    if (error instanceof PulseError && error.code === 'PULSE_REDIS_EPOCH') return false;
    throw error;
  }
}

/** Deletes expired idempotency keys, every minute while the API runs. */
import { connectionsOf, type ScopedPool } from '../platform/scoped-postgres.ts';
import type { Api } from './api-module.ts';
import { deleteExpiredKeys } from './idempotency-keys.ts';

const EVERY_MS = 60_000;

export function addKeySweep(api: Api, pool: ScopedPool): void {
  let timer: NodeJS.Timeout | undefined;
  let sweeping = Promise.resolve();
  const sweep = async (): Promise<void> => {
    try {
      const count = await deleteExpiredKeys(connectionsOf(pool, 'all'));
      if (count > 0) api.log.debug({ count }, 'expired idempotency keys deleted');
    } catch (error) {
      api.log.warn({ err: error }, 'cannot delete expired idempotency keys');
    }
  };
  api.addHook('onReady', (done) => {
    timer = setInterval(() => {
      sweeping = sweeping.then(sweep);
    }, EVERY_MS).unref();
    done();
  });
  api.addHook('onClose', async () => {
    clearInterval(timer);
    await sweeping;
  });
}

import { expect, test, vi } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { withChannel } from '../support/servers.ts';
import { makeTraffic, openFlow, toMessage } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

test('a part that is switched off leaves its queue to other processes', async () => {
  const flow = await openFlow();
  const off = { INGEST: 'false', PROCESSOR: 'false', ENRICHER: 'false' };
  await flow.start('start', off);
  const consumersOf = (queue: string) =>
    withChannel(
      flow.env.RABBITMQ_URL ?? '',
      async (channel) => (await channel.checkQueue(queue)).consumerCount,
    );
  const { queue } = flow;
  const chain = ['processing', 'enrichment', 'completion'].map((name) => `${queue}.orders.${name}`);
  await flow.producer.publish(makeTraffic(100, 'waiting').map(toMessage));
  expect(await flow.producer.consumers()).toBe(0);
  for (const name of chain) expect(await consumersOf(name)).toBe(0);

  await flow.start('worker', { FLUSH_ON_EXIT: 'false' });
  await flow.settled({ counted: 80 });
  await flow.start('processor');
  await eventually(() => consumersOf(chain[0] ?? '')).toBe(1);
  expect(await consumersOf(chain[1] ?? '')).toBe(0);
  await flow.start('enricher');
  await eventually(() => consumersOf(chain[1] ?? '')).toBe(1);
});

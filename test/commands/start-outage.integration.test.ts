/** A server that fails during a start, after it has answered: the start begins again, and does not end. */
import { expect, onTestFinished, test } from 'vitest';
import { openFlow } from '../flows/flow-fixture.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

test.each([
  ['RabbitMQ, while the queue of pulses is declared', 'worker', 'RABBITMQ_URL', '.dead.parked'],
  ['RabbitMQ, while a queue of orders is declared', 'processor', 'RABBITMQ_URL', '.processing'],
  ['Redis, while the functions are looked up', 'worker', 'REDIS_URL', 'LIBRARYNAME'],
  ['Postgres, while settings are written', 'worker', 'DATABASE_URL', 'INSERT INTO settings'],
])('a start survives the loss of %s', async (_what, command, variable, request) => {
  const flow = await openFlow();
  const proxy = await startTcpProxy(flow.env[variable] ?? '');
  onTestFinished(() => proxy.close());
  let cuts = 0;
  proxy.watch((direction, chunk, line) => {
    if (direction === 'reply' || cuts > 0 || !chunk.includes(request)) return true;
    cuts++;
    line.destroy();
    return false;
  });
  const { ready } = await flow.start(command, { [variable]: proxy.url });
  expect(cuts).toBe(1);
  expect(ready.metrics).toContain('http://');
});

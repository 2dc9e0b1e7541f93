import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { isolatedServices } from '../support/isolated.ts';
import { startPrivateRedis, type PrivateRedis } from '../support/private-redis.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { makeTraffic, openFlow, toMessage, type Flow } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

async function openRedis(): Promise<PrivateRedis & { readonly client: Redis }> {
  const server = await startPrivateRedis();
  const client = new Redis(server.url);
  onTestFinished(async () => {
    client.disconnect();
    await server.close();
  });
  return { ...server, client };
}

async function openFlowOn(redisUrl: string): Promise<Flow> {
  const services = await isolatedServices();
  onTestFinished(() => services.close());
  return openFlow({}, { ...services, redisUrl });
}

const readiness = async (url: string): Promise<number> =>
  (await fetch(`${url}/health/ready`)).status;

test('after a failover behind one address, worker and API follow the new primary, and nothing is lost', async () => {
  const [first, second] = await Promise.all([openRedis(), openRedis()]);
  const address = await startTcpProxy(first.url);
  onTestFinished(() => address.close());
  const flow = await openFlowOn(address.url);
  const worker = await flow.start('worker');
  const api = await flow.start('api');
  await flow.producer.publish(makeTraffic(1_000, 'before').map(toMessage));
  await flow.settled({ counted: 900 });
  const { counted } = await flow.verify();

  await second.client.replicaof(...addressOf(first.url));
  await eventually(async () => (await second.client.role())[3]).toBe('connected');
  await eventually(() => second.client.hget('{0}:books', 'counted')).toBe(String(counted));
  await second.client.replicaof('NO', 'ONE');
  await first.client.replicaof(...addressOf(second.url));
  // Nobody can count or read reliably until the address leads to the new primary.
  for (const url of [worker.ready.metrics, api.ready.metrics, api.ready.api!]) {
    await eventually(() => readiness(url)).toBe(503);
  }
  await flow.producer.publish(makeTraffic(1_000, 'during').map(toMessage));

  address.follow(second.url);
  for (const url of [worker.ready.metrics, api.ready.metrics, api.ready.api!]) {
    await eventually(() => readiness(url)).toBe(200);
  }
  await flow.settled({ counted: counted + 900 });
  await flow.flush();
  expect(await flow.verify()).toMatchObject({ drift: 0, live: 0 });
  expect(await second.client.hget('{0}:books', 'counted')).not.toBe(String(counted));
  for (const { hasEnded } of [worker, api]) expect(hasEnded).toBe(false);
});

test('a worker is not ready while Redis answers but refuses writes', async () => {
  const redis = await openRedis();
  const flow = await openFlowOn(redis.url);
  const worker = await flow.start('worker');
  await eventually(() => readiness(worker.ready.metrics)).toBe(200);
  await redis.client.config('SET', 'maxmemory', '1');
  expect(await redis.client.ping()).toBe('PONG');
  await eventually(() => readiness(worker.ready.metrics)).toBe(503);
  await redis.client.config('SET', 'maxmemory', '0');
  await eventually(() => readiness(worker.ready.metrics)).toBe(200);
});

function addressOf(url: string): [host: string, port: number] {
  const { hostname, port } = new URL(url);
  return [hostname, Number(port)];
}

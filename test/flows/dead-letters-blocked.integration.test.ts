import { expect, onTestFinished, test, vi } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { isolatedServices } from '../support/isolated.ts';
import { startPrivateRabbit } from '../support/private-rabbit.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { sentPulse } from '../support/pulses.ts';
import { withChannel } from '../support/servers.ts';
import { openFlow, type Flow } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const good = (count: number, runId: string) =>
  Array.from({ length: count }, (_, index) => ({
    body: JSON.stringify(sentPulse({ id: `${runId}-${index}` })),
  }));
const bad = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    body: 'bad',
    options: { messageId: `bad-${index}` },
  }));

interface Health {
  readonly ready: boolean;
  readonly checks: readonly { readonly name: string; readonly ready: boolean }[];
}

async function readHealth(metrics: string): Promise<[number, string[]]> {
  const response = await fetch(`${metrics}/health/ready`);
  const { checks } = (await response.json()) as Health;
  return [response.status, checks.filter(({ ready }) => !ready).map(({ name }) => name)];
}

async function readMetrics(metrics: string): Promise<string> {
  return (await fetch(`${metrics}/metrics`)).text();
}

async function dangersOf(flow: Flow): Promise<string[]> {
  const { exitCode, stdout } = await flow.call(['doctor', '--json']);
  const { findings } = JSON.parse(stdout) as { findings: { name: string; status: string }[] };
  const dangers = findings.filter(({ status }) => status === 'danger').map(({ name }) => name);
  expect(exitCode).toBe(dangers.length > 0 ? 1 : 0);
  return dangers;
}

/** An installation with a private RabbitMQ. A thread may hold 4 deliveries, 2 of them refused. */
async function openOnPrivateRabbit() {
  const rabbit = await startPrivateRabbit();
  onTestFinished(() => rabbit.close());
  const services = await isolatedServices();
  onTestFinished(() => services.close());
  const flow = await openFlow(
    { BATCH_SIZE: '2', PREFETCH: '4', LOG_LEVEL: 'info' },
    { ...services, rabbitmqUrl: rabbit.url },
  );
  return { rabbit, flow };
}

test('during a RabbitMQ memory alarm good pulses are counted, and doctor and metrics show why refused ones wait', async () => {
  const { rabbit, flow } = await openOnPrivateRabbit();
  const worker = await flow.start('worker');
  const { metrics } = worker.ready;
  await flow.producer.publish([...good(50, 'before'), ...bad(1), ...good(50, 'after')]);
  await flow.settled({ counted: 100, deadLetters: 1 });
  expect(await dangersOf(flow)).toEqual([]);

  // Published before the alarm, which also stops producers; taken during the alarm.
  expect(await flow.call(['pause', '--note', 'to fill the queue'])).toMatchObject({ exitCode: 0 });
  await eventually(() => readMetrics(metrics)).toContain(
    'pulse_ingest_threads{state="paused"} 1\n',
  );
  await flow.producer.publish([...bad(6).slice(5), ...good(50, 'during')]);
  await rabbit.setMemoryAlarm(true);
  await flow.call(['resume']);
  await flow.settled({ counted: 150 });
  expect(await readHealth(metrics)).toEqual([200, []]);
  expect(await dangersOf(flow)).toEqual(['rabbitmq publishing']);
  expect(await readMetrics(metrics)).toContain('pulse_held_refused_deliveries 1\n');

  await rabbit.setMemoryAlarm(false);
  await flow.settled({ counted: 150, deadLetters: 2 });
  expect(await dangersOf(flow)).toEqual([]);
  expect(await flow.verify()).toMatchObject({ counted: 150, deadLetters: 2, drift: 0 });
  expect(linesOf(worker.output, 'dead letters cannot be published')).toBe(1);
  expect(linesOf(worker.output, 'no refused pulse is held any more')).toBe(1);
});

test('when refused pulses stop the consumer, readiness, metrics, log and doctor say so until it continues', async () => {
  const { flow } = await openOnPrivateRabbit();
  const worker = await flow.start('worker');
  const { metrics } = worker.ready;
  await withChannel(flow.env.RABBITMQ_URL!, (channel) => channel.deleteQueue(`${flow.queue}.dead`));
  await flow.producer.publish(bad(10));
  // The quarantine writer has lost its queue too.
  await eventually(() => readHealth(metrics)).toEqual([503, ['rabbitmq', 'dead letters']]);
  expect(await readMetrics(metrics)).toContain('pulse_ingest_threads{state="full"} 1\n');
  expect(await dangersOf(flow)).toEqual(['rabbitmq dead letters']);

  // Starting a command declares the queue.
  await flow.flush();
  await flow.settled({ deadLetters: 10 });
  await eventually(() => readHealth(metrics)).toEqual([200, []]);
  await flow.producer.publish(good(10, 'after'));
  await flow.settled({ counted: 10 });
  expect(linesOf(worker.output, 'too many refused pulses are held; not consuming')).toBe(1);
});

function linesOf(output: string, text: string): number {
  return output.split('\n').filter((line) => line.includes(text)).length;
}

/** `pulse demo`: the whole system on private servers, checked through the API. */
import { randomBytes } from 'node:crypto';
import { openClients } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED, toJson, type CommandRun } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { integer, type Flags, type OptionSpecs } from '../cli/options.ts';
import { createRunEnd } from '../cli/run-end.ts';
import { openPrivateServers } from '../cli/servers.ts';
import type { RawEnv } from '../config.ts';
import { orderQueues } from '../orders/orders-queues.ts';
import { logInToDemo } from './demo-api.ts';
import { createDemoLedger } from './demo-ledger.ts';
import { orderAll, ordersAgree } from './demo-orders.ts';
import { describeDemo, type DemoResult } from './demo-report.ts';
import { countAll, publishAll, readBack } from './demo-steps.ts';
import { describeReady, startParts } from '../cli/run-parts.ts';
import { ALL_PARTS } from './start.ts';

const OPTIONS = {
  pulses: integer('pulses to publish', { min: 100, max: 100_000_000, default: 100_000 }),
  seed: integer('seed of the generated traffic', { min: 0, max: 0xffff_ffff, default: 1 }),
  keep: { about: 'keep the system running until Ctrl-C, and print its addresses' },
} as const satisfies OptionSpecs;

export const demo = defineCommand({
  options: OPTIONS,
  env: demoEnv,
  examples: ['pulse demo', 'pulse demo --pulses 1000000', 'pulse demo --keep'],
  run: (run) => runDemo(run, run.flags),
});

/** The demo must not touch configured servers, nor take a fixed port. */
function demoEnv(env: RawEnv): RawEnv {
  return {
    ...env,
    RABBITMQ_URL: undefined,
    REDIS_URL: undefined,
    DATABASE_URL: undefined,
    API_PORT: '0',
    METRICS_PORT: '0',
    LOG_LEVEL: env.LOG_LEVEL ?? 'error',
  };
}

async function runDemo(run: CommandRun, flags: Flags<typeof OPTIONS>): Promise<number> {
  const startedMs = performance.now();
  const end = createRunEnd(run.stop);
  const name = `demo-${process.pid}-${randomBytes(4).toString('hex')}`;
  const opened = await openPrivateServers(run, name);
  const ready = await startParts(run, opened, { parts: ALL_PARTS, onFatal: end.fail });
  const { api = '', username = '', password = '' } = ready;
  const clients = openClients(run, { servers: opened.servers });
  const context = { run, clients, ledger: createDemoLedger() };

  const work = async (): Promise<DemoResult> => {
    const published = await publishAll(context, flags);
    await countAll(context);
    const demoApi = await logInToDemo({ api, username, password });
    const answers = await readBack(context, demoApi);
    const { enrichment } = orderQueues(run.config.messages.prefix);
    const orders = await orderAll(demoApi, { queue: enrichment.queue, signal: run.stop });
    const seconds = (performance.now() - startedMs) / 1000;
    return { published, ...answers, orders, seconds };
  };
  // A signal or a failing part ends the demo, whatever it is waiting for.
  const stopped = end.wait().then(() => undefined);
  const result = await Promise.race([work(), stopped]);
  if (result === undefined) {
    run.tell('Stopped before the end.');
    return EXIT_FAILED;
  }
  for (const line of describeDemo(result)) run.print(line);
  if (flags.keep) {
    for (const line of describeReady(ready)) run.tell(line);
    run.tell('The system keeps running. Ctrl-C stops it and removes its files.');
  }
  run.print(
    toJson({
      published: result.published,
      counted: result.counted,
      duplicates: result.duplicates,
      dead_letters: result.deadLetters,
      rows: result.rowCount,
      drift: result.drift,
      orders: {
        completed: result.orders.completed,
        failed: result.orders.failed,
        replayed: result.orders.replayed,
      },
      seconds: Math.round(result.seconds * 10) / 10,
    }),
  );
  if (flags.keep) await end.wait();
  return result.agrees && ordersAgree(result.orders) ? EXIT_DONE : EXIT_FAILED;
}

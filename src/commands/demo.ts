/** `pulse demo`: the whole main job on private servers, checked through the API. */
import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { createDemoLedger } from './demo-ledger.ts';
import {
  EXIT_DONE,
  EXIT_FAILED,
  runAction,
  toJson,
  withExamples,
  type CommandEnvironment,
  type CommandRun,
} from '../cli/command.ts';
import { describeDemo, type DemoResult } from './demo-report.ts';
import { countAll, publishAll, readBack } from './demo-steps.ts';
import { integer } from './populate.ts';
import { createRunEnd } from '../cli/run-end.ts';
import { openPrivateServers } from '../cli/servers.ts';
import { startParts } from './start.ts';
import { openAccumulator, openClients } from '../cli/clients.ts';

interface DemoFlags {
  readonly pulses: number;
  readonly seed: number;
  readonly keep?: true;
}

export function addDemoCommand(
  program: Command,
  environment: CommandEnvironment,
  setExitCode: (code: number) => void,
): void {
  const command = program
    .command('demo')
    .description('Run the main job to its end on private servers and check every sum.')
    .option('--pulses <n>', 'pulses to publish', integer(100, 100_000_000), 100_000)
    .option('--seed <n>', 'seed of the generated traffic', integer(0, 0xffff_ffff), 1)
    .option('--keep', 'leave the system running until Ctrl-C and print its addresses')
    .action(async (flags: DemoFlags) => {
      const demoEnvironment = { ...environment, env: demoEnv(environment.env) };
      setExitCode(await runAction(demoEnvironment, { api: false }, (run) => runDemo(run, flags)));
    });
  withExamples(command, 'pulse demo', 'pulse demo --pulses 1000000', 'pulse demo --keep');
}

/** The demo never touches a server or a port that it was not given by the system. */
function demoEnv(env: CommandEnvironment['env']): CommandEnvironment['env'] {
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

async function runDemo(run: CommandRun, flags: DemoFlags): Promise<number> {
  const startedMs = performance.now();
  const end = createRunEnd(run.stop);
  const opened = await openPrivateServers(
    run,
    `demo-${process.pid}-${randomBytes(4).toString('hex')}`,
  );
  const ready = await startParts(run, opened, {
    parts: { api: true, worker: true },
    onFatal: end.fail,
  });
  const clients = openClients(run, opened.servers);
  const context = { run, clients, accumulator: openAccumulator(run, clients.redis) };
  const ledger = createDemoLedger();

  const work = async (): Promise<DemoResult> => {
    const published = await publishAll(context, ledger, flags);
    await countAll(context, ledger);
    const answers = await readBack(context, ledger, {
      api: ready.api ?? '',
      username: ready.username ?? '',
      password: ready.password ?? '',
    });
    return { published, ...answers, seconds: (performance.now() - startedMs) / 1000 };
  };
  // A signal or a failing part ends the demo in the middle of whatever it waits for.
  const stopped = end.wait().then(() => undefined);
  const result = await Promise.race([work(), stopped]);
  if (result === undefined) {
    run.tell('Stopped before the end.');
    return EXIT_FAILED;
  }
  for (const line of describeDemo(result)) run.print(line);
  if (flags.keep === true) {
    run.tell(
      `API       ${ready.api ?? ''}/api/v1\nLogin     ${ready.username ?? ''} / ${ready.password ?? ''}`,
    );
    run.tell(`Metrics   ${ready.metrics}/metrics\nRabbitMQ  ${ready.rabbitmq}`);
    run.tell(`Redis     ${ready.redis}\nPostgres  ${ready.postgres}`);
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
      seconds: Math.round(result.seconds * 10) / 10,
    }),
  );
  if (flags.keep === true) await end.wait();
  return result.agrees ? EXIT_DONE : EXIT_FAILED;
}

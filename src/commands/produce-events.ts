/** `pulse produce-events`: fake producers. */
import { randomInt } from 'node:crypto';
import { InvalidArgumentError } from 'commander';
import type { Pool } from 'pg';
import { putCustomer, readCustomer } from '../catalog/catalog-query.ts';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED, misused, waitOptions, type CommandRun } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { integer } from '../cli/options.ts';
import { withProgress } from '../cli/progress.ts';
import { findServers } from '../cli/servers.ts';
import { toSnakeCase } from '../cli/wording.ts';
import { insertVersion, putProducer, readEventType, readProducer } from '../events/events-query.ts';
import { eventQueues } from '../events/events-queues.ts';
import {
  fakeClient,
  FAKE_KINDS,
  FAKE_PRODUCERS,
  FAKE_TYPES,
  generateFakeEvents,
} from '../events/fake-producers.ts';
import { declareQueuesAt } from '../messaging/queues.ts';
import { onAbort } from '../platform/on-abort.ts';
import { withTransaction } from '../platform/postgres.ts';
import { waitForRabbit } from '../platform/rabbit-connection.ts';
import { declareTopologyAt, topologyNames } from '../platform/topology.ts';
import { createPublisher } from '../publish/publisher.ts';
import { startProducing, type ProduceProgress } from './produce-events-run.ts';

const SECONDS = { min: 1, max: 86_400, default: 60 };
const COUNT = { min: 1, max: 1_000_000_000, default: 1_000 };
const CLOSE_TIMEOUT_MS = 2_000;
const CREATED_BY = 'pulse produce-events';

export const produceEvents = defineCommand({
  options: {
    rate: integer('events a second', { min: 1, max: 20_000, default: 100 }),
    seconds: optional('how long to send (default: 60, or as long as --count takes)', SECONDS),
    count: optional('how many events to send at most', COUNT),
    bad: share('the share of invalid events', 0.05),
    duplicates: share('the share of events that repeat an earlier one', 0.02),
    clients: integer('customers that the events are for', { min: 1, max: 1_000, default: 10 }),
    seed: optional('send the events of the run that had this seed and the same options', {
      min: 0,
      max: 2_147_483_647,
      default: 0,
    }),
  },
  json: true,
  examples: [
    'pulse produce-events --rate 200 --seconds 30',
    'pulse produce-events --count 1000 --bad 0 --duplicates 0 --seed 7',
  ],
  async run(run) {
    const { flags, logger, config } = run;
    const { rate, bad, duplicates, clients, seed = randomInt(2 ** 31) } = flags;
    if (bad + duplicates > 1) throw misused('--bad and --duplicates must be at most 1 together.');
    const seconds =
      flags.seconds ?? (flags.count === undefined ? SECONDS.default : Number.MAX_SAFE_INTEGER);
    const count = Math.min(flags.count ?? Infinity, rate * seconds);
    await prepare(run, clients);
    const publisher = createPublisher({
      url: findServers(run).rabbitmqUrl,
      name: CREATED_BY,
      logger,
    });
    run.closer.add('publisher', () => publisher.close(CLOSE_TIMEOUT_MS));
    // What waits for a connection would keep the run from stopping.
    onAbort(run.stop, () => void publisher.close(CLOSE_TIMEOUT_MS));
    await publisher.ready;
    const { exchange, routingKey } = eventQueues(config.messages.prefix).events;
    const producing = startProducing({
      events: generateFakeEvents({ seed, count, bad, duplicates, clients }),
      publish: (publication) => publisher.publish(publication),
      target: { exchange, routingKey },
      rate,
      seconds,
      signal: run.stop,
    });
    const bar = { label: 'sending', total: count, done: () => producing.progress().confirmed };
    const result = await withProgress(run, bar, producing.done);
    run.answer(toSnakeCase({ ...result, seed }), describe(result, seed));
    if (result.error !== null) run.tell(`pulse: ${result.error}`);
    return result.state === 'failed' ? EXIT_FAILED : EXIT_DONE;
  },
});

/** Registers what the events refer to, and declares the queue. What is there stays as it is. */
async function prepare(run: CommandRun, clients: number): Promise<void> {
  const { config } = run;
  const { rabbitmqUrl } = findServers(run);
  await waitForRabbit(rabbitmqUrl, waitOptions(run));
  await register(await openPool(run, CREATED_BY), clients);
  await declareTopologyAt(rabbitmqUrl, config.queue);
  const { events } = eventQueues(config.messages.prefix);
  await declareQueuesAt(rabbitmqUrl, [events], topologyNames(config.queue).deadExchange);
}

async function register(pool: Pick<Pool, 'connect'>, clients: number): Promise<void> {
  await withTransaction(pool, async (client) => {
    for (const id of FAKE_PRODUCERS) {
      const known = await readProducer(client, id);
      if (known === undefined) await putProducer(client, { id, name: 'A fake producer' });
    }
    for (const { name, schema, description } of FAKE_TYPES) {
      if ((await readEventType(client, name)) !== undefined) continue;
      const version = { name, version: 1, schema, description };
      await insertVersion(client, { ...version, isBreaking: false, createdBy: CREATED_BY });
    }
    for (let number = 1; number <= clients; number++) {
      const id = fakeClient(number);
      if ((await readCustomer(client, id)) !== undefined) continue;
      await putCustomer(client, { id, name: `Fake client ${number}`, email: null, tenant: null });
    }
  });
}

function describe(result: ProduceProgress, seed: number): string[] {
  const { state, sent, confirmed, retried, ratePerSecond, kinds } = result;
  const counts = FAKE_KINDS.map((kind) => `${kind.replaceAll('_', ' ')} ${kinds[kind]}`);
  const again = retried === 0 ? '' : `, ${retried} sent again`;
  return [
    `${state}: ${confirmed} of ${sent} events confirmed${again}, ${Math.round(ratePerSecond)}/s`,
    `${counts.join(', ')}; seed ${seed}`,
  ];
}

/** A whole number that has no default. */
function optional(about: string, range: Parameters<typeof integer>[1]) {
  const { value, parse } = integer(about, range);
  return { value, about, parse } as const;
}

function share(about: string, byDefault: number) {
  const parse = (text: string): number => {
    const value = Number(text);
    if (/^(\d?\.)?\d+$/.test(text) && value <= 1) return value;
    throw new InvalidArgumentError('It must be a number from 0 to 1.');
  };
  return { value: '<0..1>', about, parse, default: byDefault } as const;
}

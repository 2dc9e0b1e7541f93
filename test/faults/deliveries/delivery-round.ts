/** One round of deliveries: a new installation, producers, receivers, faults, recovery, and the check. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../../../src/platform/backoff.ts';
import { createRandom } from '../../../src/populate/random.ts';
import { between } from '../fault.ts';
import { playRound } from '../played-round.ts';
import { firstEnvOf, injectAll } from '../staged-fault.ts';
import type { RoundKind, StagedResult, StagedRound } from '../staged-rounds.ts';
import type { RoundOptions } from '../stage.ts';
import { checkDeliveries, SECRET_LAG_MS, type DeliveriesVerdict } from './delivery-checker.ts';
import { DELIVERY_FAULTS } from './delivery-faults.ts';
import { planEndpoints, planEvents, type DeliveryLog } from './delivery-plan.ts';
import { sendEvents } from './delivery-producers.ts';
import { openDeliveryStage, type DeliveryStage } from './delivery-stage.ts';
import { operate, recover } from './operator.ts';

const EVENTS = 150;
const LAST_EVENTS = 20;
/** A webhook says when it was signed in whole seconds. */
const SECOND_MS = 1_000;

export const DELIVERY_ROUNDS: RoundKind = {
  name: 'deliveries',
  ...DELIVERY_FAULTS,
  run: runDeliveryRound,
  ciRounds: [
    { seed: 1, faults: ['crash-sender-sent', 'receivers-answers-lost'] },
    { seed: 2, faults: ['sender-zombie', 'postgres-kill'] },
  ],
};

async function runDeliveryRound(
  { seed, faults: names }: StagedRound,
  options: RoundOptions,
): Promise<StagedResult<DeliveriesVerdict>> {
  const faults = DELIVERY_FAULTS.chooseFaults(names, seed);
  const firstEnv = firstEnvOf(faults, seed);
  const endpoints = planEndpoints();
  const played = await playRound(
    options.directory,
    () => openDeliveryStage({ ...options, seed, firstEnv, endpoints }),
    async (stage, roundLog) => {
      const { complaints } = roundLog;
      await stage.createEndpoints();
      const random = createRandom(seed + 1);
      const durationMs = between(2_000, 3_500, createRandom(seed + 2));
      const early = planEvents(random, { name: 'early', count: EVENTS, durationMs });
      const late = planEvents(random, { name: 'late', count: LAST_EVENTS, durationMs: 100 });
      const overlapHours = random.below(2) === 0 ? 24 : 0;
      const rotation = { overlapHours, sentAtMs: 0, answeredAtMs: 0 };
      const log: DeliveryLog = { endpoints, events: [...early, ...late], rotation };
      const playing = Promise.all([
        sendEvents(early, stage.producers),
        operate(
          log,
          { url: stage.producers.url, urlOf: (one) => stage.receivers.urlOf(one) },
          durationMs,
        ),
      ]).catch((error: unknown) => complaints.push(String(error)));
      const injecting = injectAll(faults, stage, { seed, durationMs, log: roundLog });
      await Promise.all([injecting, sleep(durationMs)]);
      await stage.heal();
      // What the fault itself lets hang must time out.
      stage.receivers.calm(!faults.some(({ name }) => name === 'receivers-hanging'));
      await playing;
      await recover(stage.producers);
      await sleep(rotation.answeredAtMs + SECRET_LAG_MS + SECOND_MS - Date.now());
      await sendEvents(late, stage.producers);
      return check(log, stage, { complaints, directory: options.directory });
    },
  );
  return { seed, faults: faults.map(({ name }) => name), ...played };
}

async function check(
  log: DeliveryLog,
  stage: DeliveryStage,
  { complaints, directory }: { readonly complaints: string[]; readonly directory: string },
): Promise<DeliveriesVerdict> {
  await stage.quieten(complaints);
  await stage.stop(complaints);
  const left = await stage.left();
  const verdict = checkDeliveries(log, left, stage.receivers.received);
  complaints.push(...verdict.complaints);
  writeFileSync(join(directory, 'left.json'), JSON.stringify({ log, left }, null, 1));
  return verdict;
}

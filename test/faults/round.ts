/** One round: a new installation, traffic, faults, recovery, and the check. */
import { join } from 'node:path';
import { sleep } from '../../src/platform/backoff.ts';
import { createRandom } from '../../src/populate/random.ts';
import type { RoundPlan } from './catalogue.ts';
import { checkStored, complaintsOf, type Verdict } from './checker.ts';
import { between, type Scene } from './fault.ts';
import { createIntentLog, readIntentLog } from './intent-log.ts';
import { injectFault, playRound, type PlayedRound, type RoundLog } from './played-round.ts';
import { startProducer } from './producer.ts';
import { openStage, type RoundOptions, type Stage } from './stage.ts';
import { planTraffic } from './traffic.ts';

export interface RoundResult extends Omit<PlayedRound<Verdict>, 'outcome'> {
  readonly seed: number;
  readonly faults: readonly string[];
  /** `impossible`: this machine does not support a fault; nothing was tried. */
  readonly outcome: PlayedRound<Verdict>['outcome'] | 'impossible';
}

interface Books {
  readonly counted: number;
  readonly sealed: number;
  readonly live: number;
  readonly duplicates: number;
  readonly drift: number;
}

const HURRY_MS = 15_000;

export async function runRound(plan: RoundPlan, options: RoundOptions): Promise<RoundResult> {
  const { directory } = options;
  const played = await playRound(
    directory,
    () => openStage(plan, options),
    async (stage, log) => {
      const intents = await playTraffic(plan, stage, { ...log, directory });
      await stage.settle(log.complaints);
      return await judge(stage, intents, log.complaints);
    },
  );
  return { seed: plan.seed, faults: plan.faults.map(({ name }) => name), ...played };
}

/** Publishes while the faults happen; resolves with the path of the intent log when both have ended. */
async function playTraffic(
  plan: RoundPlan,
  stage: Stage,
  ends: RoundLog & { readonly directory: string },
): Promise<string> {
  const random = createRandom(plan.seed + 1);
  const { name } = stage.installation;
  const publications = [
    ...planTraffic({ random, name, pulseCount: plan.pulseCount, nowMs: Date.now() }),
  ];
  const log = createIntentLog(join(ends.directory, 'intent.jsonl'));
  const producer = startProducer({
    url: stage.producerProxy.url,
    queue: stage.installation.queue,
    publications,
    log,
    durationMs: plan.publishMs,
    random: createRandom(plan.seed + 2),
  });
  await Promise.all(
    plan.faults.map(async (fault, index) => {
      const scene: Scene = stage.sceneFor(index, createRandom(plan.seed + 10 + index));
      if (fault.atOnce !== true) await sleep(between(200, plan.publishMs * 0.7, scene.random));
      await injectFault(fault.name, () => fault.inject(scene), ends);
    }),
  );
  await stage.heal();
  await producer.hurry(HURRY_MS);
  log.close();
  return log.path;
}

async function judge(stage: Stage, logPath: string, complaints: string[]): Promise<Verdict> {
  const { installation, foreign } = stage;
  const books = await stage.pulseJson<Books>(['verify', '--json'], complaints);
  const stored = await installation.stored();
  const verdict = checkStored(readIntentLog(logPath), stored, installation.name);
  complaints.push(...complaintsOf(verdict));
  const { foreignPulses, refusedAtLeast } = verdict;
  if (foreignPulses < foreign.least || foreignPulses > foreign.most) {
    complaints.push(
      `${foreignPulses} pulses of others, not between ${foreign.least} and ${foreign.most}`,
    );
  }
  const counted = verdict.counted + foreignPulses;
  if (books === undefined) complaints.push('pulse verify gave no answer');
  else if (books.drift !== 0 || books.live !== 0 || books.sealed !== 0) {
    complaints.push(`the books do not balance: ${JSON.stringify(books)}`);
  } else if (books.counted !== counted) {
    complaints.push(`${counted} pulses in Postgres, ${books.counted} in the books`);
  } else if (books.duplicates < refusedAtLeast) {
    complaints.push(`${books.duplicates} duplicates in the books, at least ${refusedAtLeast} sent`);
  }
  return verdict;
}

/** One round of subscriptions: a new installation, users, faults, recovery, and the check. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../../../src/populate/random.ts';
import { between } from '../fault.ts';
import { playRound } from '../played-round.ts';
import { firstEnvOf, injectAll } from '../staged-fault.ts';
import type { RoundKind, StagedResult, StagedRound } from '../staged-rounds.ts';
import type { RoundOptions } from '../stage.ts';
import { checkSubscriptions, type SubscriptionsVerdict } from './subscription-checker.ts';
import { askAgain, playUsers } from './subscription-client.ts';
import { SUBSCRIPTION_FAULTS } from './subscription-faults.ts';
import { planUsers, type SubscriptionLog } from './subscription-plan.ts';
import { openSubscriptionStage } from './subscription-stage.ts';

const USERS = 30;

export const SUBSCRIPTION_ROUNDS: RoundKind = {
  name: 'subscriptions',
  ...SUBSCRIPTION_FAULTS,
  run: runSubscriptionRound,
  ciRounds: [{ seed: 1, faults: ['crash-processor-handled', 'postgres-kill'] }],
};

async function runSubscriptionRound(
  { seed, faults: names }: StagedRound,
  options: RoundOptions,
): Promise<StagedResult<SubscriptionsVerdict>> {
  const faults = SUBSCRIPTION_FAULTS.chooseFaults(names, seed);
  const played = await playRound(
    options.directory,
    () => openSubscriptionStage({ ...options, seed, firstEnv: firstEnvOf(faults, seed) }),
    async (stage, roundLog) => {
      const { complaints, notes } = roundLog;
      const durationMs = between(2_500, 4_000, createRandom(seed + 2));
      const users = planUsers(createRandom(seed + 1), { count: USERS, durationMs });
      const log: SubscriptionLog = { users, requests: [], orders: [], withdrawals: [] };
      const playing = playUsers(log, stage.client).catch((error: unknown) =>
        complaints.push(String(error)),
      );
      await injectAll(faults, stage, { seed, durationMs, log: roundLog });
      await stage.heal();
      await playing;
      await askAgain(log, stage.client);
      await stage.settle(complaints);
      const left = await stage.left();
      if (left.deafTo.length > 0) {
        notes.push(`not reached: RabbitMQ lost the test's binding to ${left.deafTo.join()}`);
      }
      const verdict = checkSubscriptions(log, left);
      complaints.push(...verdict.complaints);
      const file = join(options.directory, 'left.json');
      writeFileSync(file, JSON.stringify({ log, left }, null, 1));
      return verdict;
    },
  );
  return { seed, faults: faults.map(({ name }) => name), ...played };
}

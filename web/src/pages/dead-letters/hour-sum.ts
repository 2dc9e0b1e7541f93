/** The usage of an hour before and after a replay. */
import { addSum, formatAmount, parseSum } from '../../../../src/core/amount.ts';
import type { components } from '../../api/schema.d.ts';
import { hourOf, type CountedPulse } from './judge-body.ts';

/** As it was just before a replay. */
export interface NotedSum {
  readonly pulse: CountedPulse;
  readonly before: string;
  /** How often the dead letter had been replayed by then. */
  readonly replays: number;
}

/** The usage of the hour in which a pulse counts, as a question. */
export function hourQuery({ tenant, sku, unit, usedAt }: CountedPulse) {
  return {
    ...hourOf(usedAt),
    window: 'none' as const,
    group_by: ['tenant'],
    tenant: [tenant],
    product_sku: [sku],
    use_unity: [unit],
  };
}

export function replaysOf({
  actions,
}: Pick<components['schemas']['DeadLetter'], 'actions'>): number {
  return actions.filter(({ action }) => action === 'replay_started').length;
}

/** By exactly the pulse: a sum that others raise as well tells nothing. */
export function isRaised({ before, pulse }: NotedSum, now: string | undefined): boolean {
  return now !== undefined && plus(now, '0') === plus(before, pulse.amount);
}

export function plus(amount: string, added: string): string {
  const [sum, more] = [parseSum(amount), parseSum(added)];
  if (sum === undefined || more === undefined) return amount;
  addSum(sum, more);
  return formatAmount(sum);
}

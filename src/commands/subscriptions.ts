/** `pulse subscriptions list|show|cancel|restart|withdraw`: directly in Postgres, with the outbox. */
import { ACTOR, actorName } from '../cli/actor.ts';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED, misused, type CommandRun } from '../cli/command.ts';
import { defineCommand, defineGroup, type CommandContext } from '../cli/define-command.ts';
import { instant, integer, type OptionSpecs } from '../cli/options.ts';
import { isCursor, toPage } from '../http/cursor.ts';
import { NO_ORIGIN, toPublication } from '../messaging/message.ts';
import { writeToOutbox } from '../messaging/outbox.ts';
import { withTransaction } from '../platform/postgres.ts';
import {
  changeSubscription,
  withdrawChange,
  type ChangeTransaction,
} from '../subscriptions/change-subscription.ts';
import {
  listChanges,
  listSubscriptions,
  readSubscription,
} from '../subscriptions/subscriptions-query.ts';
import {
  SUBSCRIPTION_STATUSES,
  toChangeJson,
  toSubscriptionJson,
  type ChangeRequest,
  type ChangeResult,
} from '../subscriptions/subscriptions.ts';
import {
  describeChanges,
  describeResult,
  describeSubscription,
  describeSubscriptions,
} from './subscriptions-text.ts';

const EXAMPLE_ID = '6c1de0a2-94f3-4f6c-9c3b-5f1a2b7e8d90';
const CHANGES_SHOWN = 1_000;

const open = (run: CommandRun) => openPool(run, 'pulse subscriptions');

const list = defineCommand({
  summary: 'List subscriptions, newest first.',
  options: {
    user: { value: '<id>', about: 'only of this user' },
    tenant: { value: '<tenant>', about: 'only of users of this tenant, as they are now' },
    sku: { value: '<sku>', about: 'only of this product' },
    status: { value: '<status>', about: 'only this status', choices: SUBSCRIPTION_STATUSES },
    limit: integer('at most this many', { min: 1, max: 1_000, default: 50 }),
    after: { value: '<cursor>', about: 'continue where an earlier list ended' },
  },
  json: true,
  examples: [
    'pulse subscriptions list --status active',
    'pulse subscriptions list --user 7 --json',
  ],
  async run(run) {
    const { user: userId, tenant, sku, status, limit, after } = run.flags;
    if (after !== undefined && !isCursor(after)) {
      throw misused('--after: is not a cursor; `pulse subscriptions list` prints one at its end.');
    }
    const filters = { scope: 'all', userId, tenant, sku, status } as const;
    const pool = await open(run);
    const rows = await listSubscriptions(pool, filters, { limit: limit + 1, after });
    const { data, next } = toPage(rows, limit);
    run.answer({ data: data.map(toSubscriptionJson), next }, [
      ...(data.length === 0 ? ['No subscriptions.'] : describeSubscriptions(data, Date.now())),
      ...(next === null ? [] : [`More: --after ${next}`]),
    ]);
    return EXIT_DONE;
  },
});

const show = defineCommand({
  summary: 'Show a subscription with its changes, newest first.',
  argument: '<id>',
  json: true,
  examples: [`pulse subscriptions show ${EXAMPLE_ID}`],
  async run(run) {
    const id = checkedId(run.argument);
    const pool = await open(run);
    const subscription = await readSubscription(pool, id);
    if (subscription === undefined) {
      run.tell(`pulse: There is no subscription ${id}.`);
      return EXIT_FAILED;
    }
    const rows = await listChanges(pool, id, { limit: CHANGES_SHOWN + 1 });
    const changes = rows.slice(0, CHANGES_SHOWN);
    const isCut = rows.length > changes.length;
    run.answer({ ...toSubscriptionJson(subscription), changes: changes.map(toChangeJson) }, [
      ...describeSubscription(subscription),
      '',
      ...describeChanges(changes),
      ...(isCut ? ['Older changes are left out.'] : []),
    ]);
    return EXIT_DONE;
  },
});

const CHANGE = {
  at: {
    value: '<instant>',
    about: 'when it takes effect (RFC 3339; default: at once)',
    parse: instant,
  },
  ...ACTOR,
} as const satisfies OptionSpecs;

const defineChange = (kind: ChangeRequest['kind'], { name, ...words }: ChangeWords) =>
  defineCommand({
    summary: words.summary,
    argument: '<id>',
    options: CHANGE,
    json: true,
    examples: [
      `pulse subscriptions ${name} ${EXAMPLE_ID}`,
      `pulse subscriptions ${name} ${EXAMPLE_ID} --at 2026-12-31T23:00:00Z`,
    ],
    async run(run) {
      const id = checkedId(run.argument);
      const { at } = run.flags;
      const effectiveAt = at === undefined ? undefined : new Date(at);
      const origin = { cause: 'command', changedBy: actorName(run.flags) } as const;
      return apply(run, (transaction) =>
        changeSubscription(transaction, { id, kind, effectiveAt }, origin),
      );
    },
  });

interface ChangeWords {
  /** Of the command. */
  readonly name: string;
  readonly summary: string;
}

const cancel = defineChange('canceled', {
  name: 'cancel',
  summary: 'Cancel a subscription, at once or at an instant.',
});

const restart = defineChange('restarted', {
  name: 'restart',
  summary: 'Restart a canceled subscription, at once or at an instant.',
});

const withdraw = defineCommand({
  summary: 'Withdraw a pending change, by its number. Only the last one can be.',
  argument: '<id> <number>',
  options: ACTOR,
  json: true,
  examples: [`pulse subscriptions withdraw ${EXAMPLE_ID} 2`],
  async run(run) {
    const [given, text] = run.argument;
    const id = checkedId(given);
    if (!/^[1-9]\d{0,8}$/.test(text)) throw misused(`"${text}" is not the number of a change.`);
    const request = { id, number: Number(text), withdrawnBy: actorName(run.flags) };
    return apply(run, (transaction) => withdrawChange(transaction, request));
  },
});

export const subscriptions = defineGroup({ list, show, cancel, restart, withdraw }, [
  'pulse subscriptions list --tenant acme',
  `pulse subscriptions cancel ${EXAMPLE_ID}`,
]);

/** Makes a change; what announces it commits together with it. */
async function apply(
  run: Pick<CommandContext<OptionSpecs, undefined>, 'answer'> & CommandRun,
  change: (transaction: ChangeTransaction) => Promise<ChangeResult>,
): Promise<number> {
  const { prefix } = run.config.messages;
  const pool = await open(run);
  const result = await withTransaction(pool, (client) =>
    change({
      client,
      prefix,
      publish: (message) => writeToOutbox(client, toPublication(message, NO_ORIGIN, Date.now())),
    }),
  );
  if (!result.ok) {
    run.tell(`pulse: ${result.refusal.detail}`);
    return EXIT_FAILED;
  }
  const { subscription } = result;
  run.answer(toSubscriptionJson(subscription), describeResult(subscription));
  return EXIT_DONE;
}

/** @throws RejectedError PULSE_USAGE_INVALID It is not the id of a subscription. */
function checkedId(id: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return id.toLowerCase();
  throw misused(`"${id}" is not an id; \`pulse subscriptions list\` shows them.`);
}

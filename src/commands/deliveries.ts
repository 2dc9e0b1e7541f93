/** `pulse deliveries list|show|resend`: directly in Postgres. */
import { insertAudit } from '../access/audit.ts';
import { sourceFrom } from '../cli/access-options.ts';
import { ACTOR } from '../cli/actor.ts';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED, misused, type CommandRun } from '../cli/command.ts';
import { defineCommand, defineGroup } from '../cli/define-command.ts';
import { instant, integer } from '../cli/options.ts';
import { listAttempts, listDeliveries, readDelivery } from '../delivery/deliveries-query.ts';
import { cursorOf, parseCursor } from '../delivery/delivery-cursor.ts';
import { toAttemptJson, toDeliveryJson } from '../delivery/delivery-json.ts';
import { DELIVERY_STATUSES } from '../delivery/delivery.ts';
import { resend as resendTo } from '../delivery/resend-delivery.ts';
import { ProblemError } from '../http/problems.ts';
import { withTransaction } from '../platform/postgres.ts';
import { describeAttempts, describeDeliveries, describeDelivery } from './endpoints-text.ts';

const EXAMPLE_ID = '6c1de0a2-94f3-4f6c-9c3b-5f1a2b7e8d90';
const ATTEMPTS_SHOWN = 100;

const open = (run: CommandRun) => openPool(run, 'pulse deliveries');
const toDate = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms));

const list = defineCommand({
  summary: 'List deliveries, newest first.',
  options: {
    client: { value: '<id>', about: 'only of this customer' },
    endpoint: { value: '<id>', about: 'only to this endpoint' },
    status: { value: '<status>', about: 'only this status', choices: DELIVERY_STATUSES },
    from: { value: '<instant>', about: 'created at it or later (RFC 3339)', parse: instant },
    to: { value: '<instant>', about: 'created before it (RFC 3339)', parse: instant },
    limit: integer('at most this many', { min: 1, max: 1_000, default: 50 }),
    after: { value: '<cursor>', about: 'continue where an earlier list ended' },
  },
  json: true,
  examples: [
    'pulse deliveries list --status failed',
    'pulse deliveries list --endpoint billing --json',
  ],
  async run(run) {
    const { client, endpoint: endpointId, status, from, to, limit, after: text } = run.flags;
    const after = text === undefined ? undefined : parseCursor(text);
    if (text !== undefined && after === undefined) {
      throw misused('--after: is not a cursor; `pulse deliveries list` prints one at its end.');
    }
    const span = { from: toDate(from), to: toDate(to) };
    const filters = { scope: 'all', client, endpointId, status, ...span } as const;
    const rows = await listDeliveries(await open(run), filters, { limit: limit + 1, after });
    const data = rows.slice(0, limit);
    const last = rows.length > limit ? data.at(-1) : undefined;
    const next = last === undefined ? null : cursorOf(last);
    run.answer({ data: data.map(toDeliveryJson), next }, [
      ...(data.length === 0 ? ['No deliveries.'] : describeDeliveries(data, Date.now())),
      ...(next === null ? [] : [`More: --after ${next}`]),
    ]);
    return EXIT_DONE;
  },
});

const show = defineCommand({
  summary: 'Show a delivery with its attempts, newest first.',
  argument: '<id>',
  json: true,
  examples: [`pulse deliveries show ${EXAMPLE_ID}`],
  async run(run) {
    const id = checkedId(run.argument);
    const pool = await open(run);
    const delivery = await readDelivery(pool, id);
    if (delivery === undefined) return missing(run, id);
    const attempts = await listAttempts(pool, id, { limit: ATTEMPTS_SHOWN });
    run.answer({ ...toDeliveryJson(delivery), attempts: attempts.map(toAttemptJson) }, [
      ...describeDelivery(delivery),
      '',
      ...describeAttempts(attempts),
    ]);
    return EXIT_DONE;
  },
});

const resend = defineCommand({
  summary: 'Send a delivery again, or its event to another endpoint of the client.',
  argument: '<id>',
  options: {
    endpoint: { value: '<id>', about: 'another endpoint of the same client' },
    ...ACTOR,
  },
  json: true,
  examples: [
    `pulse deliveries resend ${EXAMPLE_ID}`,
    `pulse deliveries resend ${EXAMPLE_ID} --endpoint spare`,
  ],
  async run(run) {
    const id = checkedId(run.argument);
    const { endpoint } = run.flags;
    const pool = await open(run);
    const source = sourceFrom(run.flags);
    const delivery = await readDelivery(pool, id);
    if (delivery === undefined) return missing(run, id);
    try {
      const sent = await withTransaction(pool, async (client) => {
        const due = await resendTo(client, delivery, endpoint);
        const subject = `resend delivery ${due.id}`;
        await insertAudit(client, { ...source, action: 'changed', subject });
        return due;
      });
      run.answer(toDeliveryJson(sent), `${sent.id} is ${sent.status}`);
      return EXIT_DONE;
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      run.tell(`pulse: ${error.kind.title} ${error.options.detail ?? ''}`.trimEnd());
      return EXIT_FAILED;
    }
  },
});

export const deliveries = defineGroup({ list, show, resend }, [
  'pulse deliveries list --status failed',
  `pulse deliveries show ${EXAMPLE_ID}`,
]);

function missing(run: Pick<CommandRun, 'tell'>, id: string): number {
  run.tell(`pulse: There is no delivery ${id}.`);
  return EXIT_FAILED;
}

/** @throws RejectedError PULSE_USAGE_INVALID It is not the id of a delivery. */
function checkedId(id: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return id.toLowerCase();
  throw misused(`"${id}" is not an id; \`pulse deliveries list\` shows them.`);
}

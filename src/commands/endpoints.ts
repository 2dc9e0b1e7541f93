/** `pulse endpoints list|show|enable|disable|rotate|recover|rotate-keys`: directly in Postgres. */
import type { PoolClient } from 'pg';
import { insertAudit } from '../access/audit.ts';
import { sourceFrom } from '../cli/access-options.ts';
import { ACTOR } from '../cli/actor.ts';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED, toJson, type CommandRun } from '../cli/command.ts';
import { defineCommand, defineGroup } from '../cli/define-command.ts';
import { instant, integer } from '../cli/options.ts';
import { findSecretKeys } from '../cli/servers.ts';
import {
  OVERLAP_HOURS_DEFAULT,
  OVERLAP_HOURS_MAX,
  rotateSecretOf,
  setStatus,
} from '../delivery/change-endpoint.ts';
import { toEndpointJson } from '../delivery/delivery-json.ts';
import { ENDPOINT_STATUSES, type EndpointStatus } from '../delivery/delivery.ts';
import { listEndpoints, lockEndpoint, readEndpoint } from '../delivery/endpoints-query.ts';
import { recoverEndpoint } from '../delivery/recover-endpoint.ts';
import { rotateKeys } from '../delivery/rotate-keys.ts';
import { createSecretBox } from '../delivery/secret-box.ts';
import { withTransaction } from '../platform/postgres.ts';
import { describeEndpoint, describeEndpoints } from './endpoints-text.ts';

const open = (run: CommandRun) => openPool(run, 'pulse endpoints');

const list = defineCommand({
  summary: 'List endpoints, by id.',
  options: {
    client: { value: '<id>', about: 'only of this customer' },
    status: { value: '<status>', about: 'only this status', choices: ENDPOINT_STATUSES },
    limit: integer('at most this many', { min: 1, max: 1_000, default: 50 }),
    after: { value: '<id>', about: 'continue where an earlier list ended' },
  },
  json: true,
  examples: ['pulse endpoints list --status disabled', 'pulse endpoints list --client 7 --json'],
  async run(run) {
    const { client, status, limit, after } = run.flags;
    const filters = { scope: 'all', client, status } as const;
    const rows = await listEndpoints(await open(run), filters, { limit: limit + 1, after });
    const data = rows.slice(0, limit);
    const next = rows.length > limit ? (data.at(-1)?.id ?? null) : null;
    run.answer({ data: data.map(toEndpointJson), next }, [
      ...(data.length === 0 ? ['No endpoints.'] : describeEndpoints(data, Date.now())),
      ...(next === null ? [] : [`More: --after ${next}`]),
    ]);
    return EXIT_DONE;
  },
});

const show = defineCommand({
  summary: 'Show an endpoint.',
  argument: '<id>',
  json: true,
  examples: ['pulse endpoints show billing'],
  async run(run) {
    const endpoint = await readEndpoint(await open(run), run.argument);
    if (endpoint === undefined) return missing(run, run.argument);
    run.answer(toEndpointJson(endpoint), describeEndpoint(endpoint));
    return EXIT_DONE;
  },
});

const defineStatus = (name: string, status: EndpointStatus, summary: string) =>
  defineCommand({
    summary,
    argument: '<id>',
    options: ACTOR,
    json: true,
    examples: [`pulse endpoints ${name} billing`],
    async run(run) {
      const id = run.argument;
      const pool = await open(run);
      const source = sourceFrom(run.flags);
      const changed = await withTransaction(pool, async (client) => {
        const known = await lockEndpoint(client, id);
        if (known === undefined || known.status === status) return known;
        await setStatus(client, known, status);
        await insertAudit(client, {
          ...source,
          action: 'changed',
          subject: `${name} endpoint ${id}`,
        });
        return readEndpoint(client, id);
      });
      if (changed === undefined) return missing(run, id);
      run.answer(toEndpointJson(changed), `${id} is ${changed.status}`);
      return EXIT_DONE;
    },
  });

const enable = defineStatus(
  'enable',
  'enabled',
  'Enable an endpoint. It gets the events from now on; `recover` sends those before.',
);
const disable = defineStatus('disable', 'disabled', 'Disable an endpoint. Nothing is sent to it.');

const rotate = defineCommand({
  summary: 'Replace the secret of an endpoint. The new one is printed once.',
  argument: '<id>',
  options: {
    overlapHours: integer('how long the secret before signs as well', {
      ...{ min: 0, max: OVERLAP_HOURS_MAX, default: OVERLAP_HOURS_DEFAULT },
    }),
    ...ACTOR,
  },
  json: true,
  examples: ['pulse endpoints rotate billing --overlap-hours 48'],
  async run(run) {
    const id = run.argument;
    const { overlapHours } = run.flags;
    const secretBox = secretBoxOf(run);
    if (secretBox === undefined) return EXIT_FAILED;
    const source = sourceFrom(run.flags);
    const rotated = await withTransaction(await open(run), async (client: PoolClient) => {
      const asked = { secretBox, overlapHours, secret: undefined };
      const result = await rotateSecretOf(client, id, asked);
      if (result === undefined) return undefined;
      const subject = `rotate the secret of endpoint ${id}`;
      await insertAudit(client, { ...source, action: 'changed', subject });
      return result;
    });
    if (rotated === undefined) return missing(run, id);
    const { endpoint, secret = '' } = rotated;
    if (run.json) run.print(toJson({ ...toEndpointJson(endpoint), secret }));
    else {
      run.tell(`The secret of ${id}. It is not shown again:`);
      run.print(secret);
    }
    return EXIT_DONE;
  },
});

const recover = defineCommand({
  summary: 'Send what an endpoint has missed since an instant.',
  argument: '<id>',
  options: {
    since: { value: '<instant>', about: 'from when on (RFC 3339)', parse: instant, required: true },
    dryRun: { about: 'count, and change nothing' },
    ...ACTOR,
  },
  json: true,
  examples: ['pulse endpoints recover billing --since 2026-11-22T00:00:00Z --dry-run'],
  async run(run) {
    const id = run.argument;
    const { dryRun } = run.flags;
    const pool = await open(run);
    const endpoint = await readEndpoint(pool, id);
    if (endpoint === undefined) return missing(run, id);
    if (endpoint.status !== 'enabled' && !dryRun) {
      run.tell(`pulse: ${id} is disabled: \`pulse endpoints enable ${id}\` first.`);
      return EXIT_FAILED;
    }
    const source = sourceFrom(run.flags);
    let since: Date | null = new Date(run.flags.since);
    let failed = 0;
    let missed = 0;
    let isFirst = true;
    while (since !== null) {
      const part: Awaited<ReturnType<typeof recoverEndpoint>> = await recoverEndpoint(
        pool,
        endpoint,
        { since, dryRun },
      );
      // A dry run counts every failure at once.
      if (isFirst || !dryRun) failed += part.failedCount;
      missed += part.missedCount;
      isFirst = false;
      since = part.next;
    }
    if (!dryRun) {
      await insertAudit(pool, { ...source, action: 'changed', subject: `recover endpoint ${id}` });
    }
    run.answer(
      { failed_count: failed, missed_count: missed },
      `${dryRun ? 'would send' : 'sends'} ${failed} that failed and ${missed} that ${id} missed`,
    );
    return EXIT_DONE;
  },
});

const rotateSecretKeys = defineCommand({
  summary: 'Encrypt the secrets of all endpoints with the first of WEBHOOK_SECRET_KEYS.',
  options: ACTOR,
  json: true,
  examples: ['pulse endpoints rotate-keys'],
  async run(run) {
    const secretBox = secretBoxOf(run);
    if (secretBox === undefined) return EXIT_FAILED;
    const pool = await open(run);
    const source = sourceFrom(run.flags);
    const count = await rotateKeys(pool, secretBox);
    const { currentKeyId } = secretBox;
    const subject = `encrypt the secrets of endpoints with key ${currentKeyId ?? ''}`;
    await insertAudit(pool, { ...source, action: 'changed', subject, details: { count } });
    run.answer(
      { endpoint_count: count, key_id: currentKeyId },
      `the secrets of ${count} endpoints are encrypted with key ${currentKeyId ?? ''}`,
    );
    return EXIT_DONE;
  },
});

export const endpoints = defineGroup(
  { list, show, enable, disable, rotate, recover, 'rotate-keys': rotateSecretKeys },
  ['pulse endpoints list --status disabled', 'pulse endpoints enable billing'],
);

function missing(run: Pick<CommandRun, 'tell'>, id: string): number {
  run.tell(`pulse: There is no endpoint ${id}.`);
  return EXIT_FAILED;
}

function secretBoxOf(run: CommandRun) {
  const keys = findSecretKeys(run);
  if (keys.length > 0) return createSecretBox(keys);
  run.tell('pulse: WEBHOOK_SECRET_KEYS is not set.');
  return undefined;
}

/** `pulse usage`: the sums of everything counted, from Postgres and Redis, as the API answers them. */
import { InvalidArgumentError } from 'commander';
import { assertMigrated, assertWhole, openClients } from '../cli/clients.ts';
import { EXIT_DONE, misused, waitOptions } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { integer, type Flags, type OptionSpecs } from '../cli/options.ts';
import { tableLines, type Column } from '../cli/table.ts';
import { count } from '../cli/wording.ts';
import { ProblemError } from '../http/problems.ts';
import { waitForPostgres } from '../platform/postgres.ts';
import { waitForRedis } from '../platform/redis.ts';
import { assertRights } from '../platform/postgres-rights.ts';
import { readAsTenants } from '../platform/scoped-postgres.ts';
import { freshnessToJson } from '../usage/freshness.ts';
import { HELD_ROWS_MAX, readHeld, TooMuchHeldError } from '../usage/read-held.ts';
import { readUsage, type UsageDeps } from '../usage/read-usage.ts';
import { USAGE_WINDOWS, type Freshness, type UsageQuery, type UsageRow } from '../usage/usage.ts';
import { parseUsageParameters } from '../usage/usage-parameters.ts';

const ROWS_MAX = 10_000;
/** The groups as people type them, and as the API names them. */
const GROUPS: Readonly<Record<string, string>> = {
  tenant: 'tenant',
  sku: 'product_sku',
  product_sku: 'product_sku',
  unit: 'use_unity',
  use_unity: 'use_unity',
};

const OPTIONS = {
  tenant: { value: '<tenant>', about: 'only this tenant; repeatable', parse: collect },
  sku: { value: '<sku>', about: 'only this SKU; repeatable', parse: collect },
  unit: { value: '<unit>', about: 'only this unit; repeatable', parse: collect },
  from: { value: '<time>', about: 'only what was used at this time or later: a date or RFC 3339' },
  to: { value: '<time>', about: 'only what was used before this time' },
  window: {
    value: '<window>',
    about: 'one sum for each',
    choices: USAGE_WINDOWS,
    default: 'none',
  },
  tz: { value: '<zone>', about: 'the time zone of dates, days and months', default: 'UTC' },
  groupBy: {
    value: '<names>',
    about: 'one sum for each of tenant, sku, unit; separate with commas',
    parse: parseGroups,
    default: ['tenant', 'product_sku'],
    defaultText: 'tenant,sku',
  },
  limit: integer('at most this many rows', { min: 1, max: ROWS_MAX, default: 1_000 }),
} as const satisfies OptionSpecs;

export const usage = defineCommand({
  options: OPTIONS,
  json: true,
  examples: [
    'pulse usage',
    'pulse usage --tenant acme --window day --tz Europe/Berlin --from 2026-11-01',
    'pulse usage --group-by tenant --json',
  ],
  async run(run) {
    const clients = openClients(run);
    const { pool, accumulator, servers, redis } = clients;
    await Promise.all([
      waitForRedis(redis, { ...waitOptions(run), url: servers.redisUrl }),
      waitForPostgres(servers.databaseUrl, waitOptions(run)),
    ]);
    await assertMigrated(servers.databaseUrl);
    await assertRights(pool, { migrating: false });
    await assertWhole(run, clients);
    const { pulseAgeMaxMs, windowSeconds } = run.config.ingest;
    const deps: UsageDeps = {
      readHeld: (filter) => readHeld(accumulator, filter),
      pool,
      readSnapshot: (read) => readAsTenants(pool, 'all', read),
      scope: 'all',
      pulseAgeMaxMs,
      windowSeconds,
    };
    try {
      const query = await parseUsageParameters(
        pool,
        { scope: 'all', windowSeconds },
        toParameters(run.flags),
      );
      const { limit } = run.flags;
      const { rows, next, freshness } = await readUsage(deps, { ...query, limit });
      run.answer({ data: rows, next, ...freshnessToJson(freshness) }, [
        ...(rows.length === 0 ? ['None.'] : tableLines(columnsOf(query), rows)),
        ...(next === null ? [] : ['', 'There are more rows: raise --limit, or ask for less.']),
        ...describePending(freshness),
      ]);
      return EXIT_DONE;
    } catch (error) {
      throw toUsageError(error);
    }
  },
});

function toParameters(flags: Flags<typeof OPTIONS>) {
  const { tenant, sku, unit, from, to, window, tz, groupBy } = flags;
  return {
    ...{ window, tz, group_by: [...groupBy] },
    ...(tenant === undefined ? {} : { tenant }),
    ...(sku === undefined ? {} : { product_sku: sku }),
    ...(unit === undefined ? {} : { use_unity: unit }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}

function columnsOf({ window, groups }: UsageQuery): Column<UsageRow>[] {
  const columns: Column<UsageRow>[] = [
    { heading: 'TENANT', text: ({ tenant = '' }) => tenant, cut: true },
    { heading: 'SKU', text: ({ product_sku: sku = '' }) => sku, cut: true },
  ];
  const hasColumn = [groups.includes('tenant'), groups.includes('product_sku')];
  return [
    ...(window === 'none'
      ? []
      : [{ heading: 'WINDOW', text: ({ window_start: start = '' }: UsageRow) => start }]),
    ...columns.filter((_column, place) => hasColumn[place] === true),
    { heading: 'AMOUNT', text: ({ used_amount: amount }) => amount, align: 'right' },
    { heading: 'UNIT', text: ({ use_unity: unit }) => unit, cut: true },
    { heading: 'PULSES', text: ({ pulse_count: pulses }) => String(pulses), align: 'right' },
  ];
}

function describePending({ pending }: Freshness): string[] {
  if (pending === null || pending === 0) return [];
  return [
    '',
    `${count(pending, 'pulse')} of these ${pending === 1 ? 'is' : 'are'} not flushed yet.`,
  ];
}

/** Names options where the API names parameters. */
function toUsageError(error: unknown): unknown {
  if (error instanceof ProblemError) {
    const fields = error.options.errors ?? [];
    return misused(
      fields.map(({ field, message }) => `--${field.replace('_', '-')}: ${message}.`).join(' '),
    );
  }
  if (error instanceof TooMuchHeldError) {
    return misused(
      `More than ${HELD_ROWS_MAX} of these sums are not flushed yet: ask for less, or run \`pulse flush\`.`,
    );
  }
  return error;
}

function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

function parseGroups(text: string): string[] {
  return text.split(',').map((name) => {
    const group = GROUPS[name.trim()];
    if (group !== undefined) return group;
    throw new InvalidArgumentError('It must be one or more of tenant, sku, unit.');
  });
}

/** `pulse exports list|show|cancel`: directly in Postgres. */
import { insertAudit } from '../access/audit.ts';
import { sourceFrom } from '../cli/access-options.ts';
import { ACTOR } from '../cli/actor.ts';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED, misused, type CommandRun } from '../cli/command.ts';
import { defineCommand, defineGroup } from '../cli/define-command.ts';
import { integer } from '../cli/options.ts';
import { printable, tableLines } from '../cli/table.ts';
import { toExportJson } from '../exports/export-json.ts';
import { endExport, listExports, readExport } from '../exports/exports-query.ts';
import { EXPORT_STATES, type Export } from '../exports/exports.ts';
import { isCursor } from '../http/cursor.ts';
import { UUID } from '../core/uuid.ts';
import { withTransaction } from '../platform/postgres.ts';
import { REPORTS } from './reports.ts';

const open = (run: CommandRun) => openPool(run, 'pulse exports');

const list = defineCommand({
  summary: 'List exports, the newest first.',
  options: {
    state: { value: '<state>', about: 'only in this state', choices: EXPORT_STATES },
    report: { value: '<report>', about: 'only of this report', choices: [...REPORTS.keys()] },
    limit: integer('at most this many', { min: 1, max: 1_000, default: 50 }),
    after: { value: '<cursor>', about: 'continue where an earlier list ended' },
  },
  json: true,
  examples: ['pulse exports list --state running', 'pulse exports list --report usage --json'],
  async run(run) {
    const { state, report, limit, after } = run.flags;
    if (after !== undefined && !isCursor(after)) {
      throw misused('--after: is not a cursor; `pulse exports list` prints one at its end.');
    }
    const { data, next } = await listExports(await open(run), { state, report }, { limit, after });
    run.answer({ data: data.map((one) => toExportJson(one)), next }, [
      ...(data.length === 0 ? ['No exports.'] : tableLines(COLUMNS, data)),
      ...(next === null ? [] : [`More: --after ${next}`]),
    ]);
    return EXIT_DONE;
  },
});

const COLUMNS = [
  { heading: 'ID', text: ({ id }: Export) => id },
  { heading: 'REPORT', text: ({ report }: Export) => report },
  { heading: 'STATE', text: ({ state }: Export) => state },
  { heading: 'ROWS', text: rowsText, align: 'right' as const },
  { heading: 'REQUESTED', text: ({ createdAt }: Export) => createdAt.toISOString() },
  { heading: 'BY', text: ({ createdBy }: Export) => createdBy, cut: true },
];

function rowsText({ state, rowCount, rowsWritten, rowsEstimated }: Export): string {
  if (state !== 'running') return rowCount === null ? '' : String(rowCount);
  return `${rowsWritten} of ${rowsEstimated === null ? '?' : `about ${rowsEstimated}`}`;
}

const show = defineCommand({
  summary: 'Show an export.',
  argument: '<id>',
  json: true,
  examples: ['pulse exports show 0198c0de-0000-7000-8000-000000000000'],
  async run(run) {
    const found = await find(run, run.argument);
    if (found === undefined) return missing(run);
    run.answer(toExportJson(found), describe(found));
    return EXIT_DONE;
  },
});

const cancel = defineCommand({
  summary: 'Cancel an export, or delete its file if it is ready.',
  argument: '<id>',
  options: ACTOR,
  json: true,
  examples: ['pulse exports cancel 0198c0de-0000-7000-8000-000000000000'],
  async run(run) {
    const found = await find(run, run.argument);
    if (found === undefined) return missing(run);
    const pool = await open(run);
    const source = sourceFrom(run.flags);
    const ended = await withTransaction(pool, async (client) => {
      const result = await endExport(client, found.id);
      await insertAudit(client, {
        ...source,
        action: 'changed',
        subject: `cancel export ${found.id}`,
      });
      return result ?? found;
    });
    run.answer(toExportJson(ended), `${ended.id} is ${ended.state}`);
    return EXIT_DONE;
  },
});

async function find(run: CommandRun, id: string): Promise<Export | undefined> {
  return UUID.test(id) ? readExport(await open(run), id) : undefined;
}

function missing(run: CommandRun & { readonly argument: string }): number {
  run.tell(`pulse: There is no export ${run.argument}. \`pulse exports list\` lists them.`);
  return EXIT_FAILED;
}

function describe(one: Export): string[] {
  const { report, state, steps, failureCode, failureDetail, sha256, byteCount } = one;
  return [
    `${report} as of ${one.asOf.toISOString()}: ${state}`,
    `  parameters  ${JSON.stringify(one.parameters)}`,
    `  requested   ${one.createdAt.toISOString()} by ${printable(one.createdBy)}`,
    ...(rowsText(one) === '' ? [] : [`  rows        ${rowsText(one)}`]),
    ...(sha256 === null ? [] : [`  bytes       ${String(byteCount)}`, `  SHA-256     ${sha256}`]),
    ...(failureCode === null ? [] : [`  failure     ${failureCode}: ${failureDetail ?? ''}`]),
    ...steps.map(
      ({ step, started_at: from, ended_at: to }) =>
        `  ${step.padEnd(11)} ${from} to ${to ?? 'now'}`,
    ),
  ];
}

export const exports = defineGroup({ list, show, cancel }, ['pulse exports list --state failed']);

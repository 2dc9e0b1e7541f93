/** `pulse dead-letters replay|discard`: one, several, or all that match. */
import type { Command } from 'commander';
import { withTransaction } from '../platform/postgres.ts';
import { previewToJson, reportToJson } from '../quarantine/dead-letter-json.ts';
import { discardDeadLetters, readClock } from '../quarantine/dead-letters-query.ts';
import { previewMany, replayMany, type ManyFilters } from '../quarantine/replay-many.ts';
import { replayDeadLetter, type ReplayOutcome } from '../quarantine/replay.ts';
import { EXIT_DONE, EXIT_FAILED, toJson, withExamples, type CommandRun } from '../cli/command.ts';
import {
  actorFrom,
  checkedNote,
  chosen,
  misused,
  openPool,
  openReplay,
  withActor,
  withFilters,
  type FilterFlags,
  type RunSubcommand,
} from './dead-letters-options.ts';
import { describePreview, describeReport, FORGOTTEN } from './dead-letters-text.ts';
import { integer } from './populate.ts';
import { startProgress } from '../cli/progress.ts';

interface BulkFlags extends FilterFlags {
  readonly as?: string;
  readonly limit: number;
  readonly dryRun?: true;
  readonly json?: true;
}

interface ReplayFlags extends BulkFlags {
  readonly rate: number;
  readonly evenIfForgotten?: true;
}

interface DiscardFlags extends BulkFlags {
  readonly note: string;
  readonly yes?: true;
}

const LIMIT_DEFAULT = 10_000;
const LIMIT_MAX = 10_000_000;
/** Discarded in one transaction. */
const DISCARD_CHUNK = 1_000;

function withBulkOptions(command: Command): Command {
  return withActor(withFilters(command))
    .option('--limit <n>', 'how many at most', integer(1, LIMIT_MAX), LIMIT_DEFAULT)
    .option('--dry-run', 'only count, and show the first few')
    .option('--json', 'print as JSON');
}

/** Adds `replay`. */
export function addReplayCommand(group: Command, run: RunSubcommand): void {
  const command = withBulkOptions(group.command('replay [ids...]'))
    .description(
      'Send dead letters through the queue again: those with these ids, or the oldest that wait and match. ' +
        'However often one is replayed, it is counted once.',
    )
    .option('--rate <n>', 'replays a second, at most', integer(1, 10_000), 100)
    .option('--even-if-forgotten', 'also those that may have been counted and are forgotten')
    .action((ids: string[], flags: ReplayFlags) =>
      run(async (context) => {
        const filters = chosen(ids, flags);
        if (flags.dryRun === true) return await preview(context, filters, flags);
        return filters.ids === undefined
          ? await replayMatching(context, filters, flags)
          : await replayEach(context, filters.ids, flags);
      }),
    );
  withExamples(
    command,
    'pulse dead-letters replay 0b5e2c9e-6f1d-8a53-9a57-3f0c1f2b8a11',
    'pulse dead-letters replay --reason sum_overflow --to 2026-11-22T12:00:00Z --dry-run',
    'pulse dead-letters replay --reason delivery_limit --rate 50 --limit 5000',
  );
}

/** Adds `discard`. */
export function addDiscardCommand(group: Command, run: RunSubcommand): void {
  const command = withBulkOptions(group.command('discard [ids...]'))
    .description('Give dead letters up. They are kept, with who, when and why.')
    .requiredOption('--note <text>', 'why, in a sentence')
    .option('--yes', 'needed to discard by filter')
    .action((ids: string[], flags: DiscardFlags) =>
      run(async (context) => {
        const filters = chosen(ids, flags);
        const note = checkedNote(flags.note);
        if (flags.dryRun === true) return await preview(context, filters, flags);
        if (filters.ids === undefined && flags.yes !== true) {
          throw misused('Discarding by filter needs --yes; --dry-run shows what it would meet.');
        }
        return await discardMatching(context, filters, { ...flags, note });
      }),
    );
  withExamples(
    command,
    'pulse dead-letters discard 0b5e2c9e-6f1d-8a53-9a57-3f0c1f2b8a11 --note "test traffic"',
    'pulse dead-letters discard --tenant load-test --note "test traffic" --yes',
  );
}

async function preview(
  context: CommandRun,
  filters: ManyFilters,
  { json }: BulkFlags,
): Promise<number> {
  const met = await previewMany({ pool: await openPool(context) }, filters);
  if (json === true) context.print(toJson(previewToJson(met)));
  else for (const line of describePreview(met)) context.print(line);
  return EXIT_DONE;
}

const OUTCOMES: Record<ReplayOutcome, string> = {
  replayed: 'replayed',
  overtaken: 'replayed, and refused again at once or touched by somebody else',
  forgotten: `not replayed: ${FORGOTTEN}`,
  missing: 'not replayed: there is none with this id',
};

async function replayEach(
  context: CommandRun,
  ids: readonly string[],
  flags: ReplayFlags,
): Promise<number> {
  const deps = await openReplay(context);
  const options = { actor: actorFrom(flags), evenIfForgotten: flags.evenIfForgotten === true };
  const results: { id: string; outcome: ReplayOutcome }[] = [];
  for (const id of ids) {
    const outcome = await replayDeadLetter(deps, id, options);
    results.push({ id, outcome });
    if (flags.json !== true) context.print(`${id}  ${OUTCOMES[outcome]}`);
  }
  if (flags.json === true) context.print(toJson({ results }));
  const isAllSent = results.every(({ outcome }) => ['replayed', 'overtaken'].includes(outcome));
  return isAllSent ? EXIT_DONE : EXIT_FAILED;
}

async function replayMatching(
  context: CommandRun,
  filters: ManyFilters,
  flags: ReplayFlags,
): Promise<number> {
  const { limit, rate } = flags;
  const actor = actorFrom(flags);
  const deps = await openReplay(context);
  const { matched } = await previewMany(deps, filters);
  const bar = startProgress('replaying', Math.min(limit, matched), context);
  const report = await replayMany(deps, {
    actor,
    filters,
    limit,
    ratePerSecond: rate,
    evenIfForgotten: flags.evenIfForgotten === true,
    signal: context.stop,
    onProgress: (doneCount) => {
      bar.update(doneCount);
    },
  });
  bar.stop();
  if (flags.json === true) context.print(toJson({ matched, ...reportToJson(report) }));
  else for (const line of describeReport(report)) context.print(line);
  const isWhole = report.end === 'finished' || report.end === 'limit';
  return isWhole && report.forgotten === 0 ? EXIT_DONE : EXIT_FAILED;
}

/** In chunks, so that no transaction is long; what arrives meanwhile is left alone. */
async function discardMatching(
  context: CommandRun,
  filters: ManyFilters,
  { limit, note, as, json }: DiscardFlags,
): Promise<number> {
  const options = { note, actor: actorFrom(as === undefined ? {} : { as }) };
  const pool = await openPool(context);
  const toMs = Math.min(filters.toMs ?? Infinity, await withTransaction(pool, readClock));
  let discarded = 0;
  for (let asked = 0, got = 0; got === asked && discarded < limit && !context.stop.aborted;) {
    asked = Math.min(DISCARD_CHUNK, limit - discarded);
    const chunk = { ...options, limit: asked };
    got = await withTransaction(pool, (client) =>
      discardDeadLetters(client, { ...filters, toMs }, chunk),
    );
    discarded += got;
  }
  context.print(json === true ? toJson({ discarded }) : `${discarded} discarded`);
  const isWhole = filters.ids === undefined || discarded === filters.ids.length;
  if (!isWhole) context.tell('pulse: the others do not wait, or do not exist.');
  return isWhole && !context.stop.aborted ? EXIT_DONE : EXIT_FAILED;
}

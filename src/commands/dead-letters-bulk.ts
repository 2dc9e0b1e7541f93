/** `pulse dead-letters replay|discard`: one, several, or all that match. */
import { ACTOR, checkedNote } from '../cli/actor.ts';
import { EXIT_DONE, EXIT_FAILED, misused, waitOptions, type CommandRun } from '../cli/command.ts';
import { defineCommand, type CommandContext } from '../cli/define-command.ts';
import { integer, toOptions, type OptionSpecs } from '../cli/options.ts';
import { withProgress } from '../cli/progress.ts';
import { findServers } from '../cli/servers.ts';
import { withTransaction } from '../platform/postgres.ts';
import { waitForRabbit } from '../platform/rabbit-connection.ts';
import { declareTopologyAt } from '../platform/topology.ts';
import { createPublisher } from '../publish/publisher.ts';
import { previewToJson, reportToJson } from '../quarantine/dead-letter-json.ts';
import { discardDeadLetters, readClock } from '../quarantine/quarantine-query.ts';
import { previewMany, replayMany, type ManyFilters } from '../quarantine/replay-many.ts';
import { replayDeadLetter, type ReplayDeps, type ReplayOutcome } from '../quarantine/replay.ts';
import { actorFrom, checkedId, FILTERS, open, toFilters } from './dead-letters-options.ts';
import {
  describePreview,
  describeReport,
  FORGOTTEN,
  FULL,
  UNROUTABLE,
} from './dead-letters-text.ts';

const BULK = {
  ...FILTERS,
  ...ACTOR,
  limit: integer('at most this many', { min: 1, max: 10_000_000, default: 10_000 }),
  dryRun: { about: 'only count, and show the first few' },
} as const satisfies OptionSpecs;

const REPLAY = {
  ...BULK,
  rate: integer('at most this many replays per second', { min: 1, max: 10_000, default: 100 }),
  evenIfForgotten: {
    about: 'include those that may have been counted and whose ids are forgotten',
  },
} as const satisfies OptionSpecs;

/** Discarded in one transaction. */
const DISCARD_CHUNK = 1_000;

type BulkRun = CommandContext<typeof BULK, '[ids...]'>;
type ReplayRun = CommandContext<typeof REPLAY, '[ids...]'>;

export const replay = defineCommand({
  summary:
    'Send dead letters through the queue again: those with these ids, or the oldest that wait and match. ' +
    'Each is counted once, however often you replay it.',
  argument: '[ids...]',
  options: REPLAY,
  json: true,
  examples: [
    'pulse dead-letters replay 0b5e2c9e-6f1d-8a53-9a57-3f0c1f2b8a11',
    'pulse dead-letters replay --reason sum_overflow --to 2026-11-22T12:00:00Z --dry-run',
    'pulse dead-letters replay --reason delivery_limit --rate 50 --limit 5000',
  ],
  async run(run) {
    const filters = chosen(run);
    if (run.flags.dryRun) return await preview(run, filters);
    return filters.ids === undefined
      ? await replayMatching(run, filters)
      : await replayEach(run, filters.ids);
  },
});

export const discard = defineCommand({
  summary: 'Give up on dead letters. They are kept, with who discarded them, when and why.',
  argument: '[ids...]',
  options: {
    ...BULK,
    note: { value: '<text>', about: 'why, in a sentence', required: true },
    yes: { about: 'needed to discard by filter' },
  },
  json: true,
  examples: [
    'pulse dead-letters discard 0b5e2c9e-6f1d-8a53-9a57-3f0c1f2b8a11 --note "test traffic"',
    'pulse dead-letters discard --tenant load-test --note "test traffic" --yes',
  ],
  async run(run) {
    const filters = chosen(run);
    const note = checkedNote(run.flags.note);
    if (run.flags.dryRun) return await preview(run, filters);
    if (filters.ids === undefined && !run.flags.yes) {
      throw misused('Discarding by filter needs --yes; --dry-run shows what would be discarded.');
    }
    return await discardMatching(run, filters, note);
  },
});

/**
 * What to work on: the ids given, or those that match the filters.
 *
 * @throws RejectedError PULSE_USAGE_INVALID Neither or both are given: a slip must not touch the whole
 * quarantine.
 */
function chosen({ argument: ids, flags }: BulkRun): ManyFilters {
  const filters = toFilters(flags);
  const isFiltered = Object.values(filters).some((filter) => filter !== undefined);
  if (isFiltered === ids.length > 0) {
    const names = toOptions(FILTERS).map(({ long }) => long);
    throw misused(`Give either ids, or at least one of ${names.join(' ')}.`);
  }
  return ids.length === 0 ? filters : { ids: ids.map(checkedId) };
}

async function preview(run: BulkRun, filters: ManyFilters): Promise<number> {
  const found = await previewMany({ pool: await open(run) }, filters);
  run.answer(previewToJson(found), describePreview(found, Date.now()));
  return EXIT_DONE;
}

const OUTCOMES: Record<ReplayOutcome, string> = {
  replayed: 'replayed',
  overtaken: 'replayed, and at once refused again or changed by someone else',
  forgotten: `not replayed: ${FORGOTTEN}`,
  full: `not replayed: ${FULL}`,
  unroutable: `not replayed: ${UNROUTABLE}`,
  missing: 'not replayed: there is none with this id',
};

async function replayEach(run: ReplayRun, ids: readonly string[]): Promise<number> {
  const { evenIfForgotten } = run.flags;
  const options = { actor: actorFrom(run.flags), evenIfForgotten };
  const deps = await openReplay(run);
  const results: { id: string; outcome: ReplayOutcome }[] = [];
  try {
    for (const id of ids) {
      if (run.stop.aborted) break;
      const outcome = await replayDeadLetter(deps, id, options);
      results.push({ id, outcome });
      if (!run.json) run.print(`${id}  ${OUTCOMES[outcome]}`);
    }
  } finally {
    // Also when a server fails midway: what was replayed stays replayed.
    run.answer({ results }, []);
  }
  if (results.length < ids.length) {
    run.tell(`pulse: stopped; ${ids.length - results.length} of ${ids.length} were not replayed.`);
    return EXIT_FAILED;
  }
  const isAllSent = results.every(({ outcome }) => ['replayed', 'overtaken'].includes(outcome));
  return isAllSent ? EXIT_DONE : EXIT_FAILED;
}

async function replayMatching(run: ReplayRun, filters: ManyFilters): Promise<number> {
  const { limit, rate, evenIfForgotten } = run.flags;
  const actor = actorFrom(run.flags);
  const deps = await openReplay(run);
  const { matched } = await previewMany(deps, filters);
  let doneCount = 0;
  const replaying = replayMany(deps, {
    actor,
    filters,
    limit,
    ratePerSecond: rate,
    evenIfForgotten,
    signal: run.stop,
    onProgress: (count) => {
      doneCount = count;
    },
  });
  const bar = { label: 'replaying', total: Math.min(limit, matched), done: () => doneCount };
  const report = await withProgress(run, bar, replaying);
  run.answer({ matched, ...reportToJson(report) }, describeReport(report));
  const isWhole = report.end === 'finished' || report.end === 'limit';
  return isWhole && report.forgotten + report.full + report.unroutable === 0
    ? EXIT_DONE
    : EXIT_FAILED;
}

/** In chunks, so that no transaction is long. Skips what arrives meanwhile. */
async function discardMatching(run: BulkRun, filters: ManyFilters, note: string): Promise<number> {
  const { limit } = run.flags;
  const options = { note, actor: actorFrom(run.flags) };
  const pool = await open(run);
  const toMs = Math.min(filters.toMs ?? Infinity, await withTransaction(pool, readClock));
  let discarded = 0;
  for (let asked = 0, got = 0; got === asked && discarded < limit && !run.stop.aborted;) {
    asked = Math.min(DISCARD_CHUNK, limit - discarded);
    const chunk = { ...options, limit: asked };
    got = await withTransaction(pool, (client) =>
      discardDeadLetters(client, { ...filters, toMs }, chunk),
    );
    discarded += got;
  }
  run.answer({ discarded }, `${discarded} discarded`);
  const isWhole = filters.ids === undefined || discarded === filters.ids.length;
  if (!isWhole) run.tell('pulse: the others are not waiting, or do not exist.');
  return isWhole && !run.stop.aborted ? EXIT_DONE : EXIT_FAILED;
}

/** Opens what a replay needs; closed with the run. */
async function openReplay(run: CommandRun): Promise<ReplayDeps> {
  const { config, logger } = run;
  const pool = await open(run);
  const { rabbitmqUrl: url } = findServers(run);
  await waitForRabbit(url, waitOptions(run));
  await declareTopologyAt(url, config.queue);
  const publisher = createPublisher({ url, logger, name: 'pulse dead-letters' });
  run.closer.add('publisher', () => publisher.close());
  return {
    pool,
    publish: (publication) => publisher.publish(publication),
    queue: config.queue,
    dedupeWindowSeconds: config.ingest.dedupeWindowSeconds,
  };
}

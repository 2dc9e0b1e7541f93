/** What the commands of `pulse dead-letters` share: their options, their servers, and who acts. */
import { userInfo } from 'node:os';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Pool } from 'pg';
import { FatalError, RejectedError } from '../core/errors.ts';
import { REJECTION_REASONS, type RejectionReason } from '../contract/rejection.ts';
import { parseTimestamp } from '../core/timestamp.ts';
import { pendingMigrations } from '../platform/migrate.ts';
import { createPool, waitForPostgres } from '../platform/postgres.ts';
import { waitForRabbit } from '../platform/rabbit-connection.ts';
import { declareTopologyAt } from '../platform/topology.ts';
import { createPublisher } from '../publish/publisher.ts';
import type { Actor } from '../quarantine/dead-letter-row.ts';
import type { ManyFilters } from '../quarantine/replay-many.ts';
import type { ReplayDeps } from '../quarantine/replay.ts';
import {
  runAction,
  type Action,
  type CommandEnvironment,
  type CommandRun,
} from '../cli/command.ts';
import { findServers } from '../cli/servers.ts';

/** Runs the action of a subcommand and sets the exit code. */
export type RunSubcommand = (action: Action) => Promise<void>;

/** Makes it for one process. */
export function createRunSubcommand(
  environment: CommandEnvironment,
  setExitCode: (code: number) => void,
): RunSubcommand {
  return async (action) => {
    setExitCode(await runAction(environment, { api: false }, action));
  };
}

/** The options that choose dead letters. */
export interface FilterFlags {
  readonly reason?: RejectionReason;
  readonly tenant?: string;
  readonly messageId?: string;
  /** Milliseconds since 1970. */
  readonly from?: number;
  readonly to?: number;
}

/** Adds the options that choose dead letters. */
export function withFilters(command: Command): Command {
  return command
    .addOption(new Option('--reason <reason>', 'only this reason').choices(REJECTION_REASONS))
    .option('--tenant <tenant>', 'only this tenant, as far as bodies could be read')
    .option('--message-id <id>', 'only this AMQP message id')
    .option('--from <instant>', 'only what was received then or later (RFC 3339)', instant)
    .option('--to <instant>', 'only what was received before then', instant);
}

/** Adds `--as`. */
export function withActor(command: Command): Command {
  return command.option('--as <name>', 'who you are, for the history (default: your user name)');
}

/** The chosen ones. */
export function toFilters({ reason, tenant, messageId, from, to }: FilterFlags): ManyFilters {
  return { reason, tenant, messageId, fromMs: from, toMs: to };
}

/**
 * What a bulk command works on: the ids given, or those that match the filters.
 *
 * @throws RejectedError PULSE_USAGE_INVALID Neither or both are given: a slip of the hand must not touch the
 * whole quarantine.
 */
export function chosen(ids: readonly string[], flags: FilterFlags): ManyFilters {
  const filters = toFilters(flags);
  const isFiltered = Object.values(filters).some((filter) => filter !== undefined);
  if (isFiltered === ids.length > 0) {
    throw misused(
      'Give either ids, or at least one of --reason --tenant --message-id --from --to.',
    );
  }
  return ids.length === 0 ? filters : { ids: ids.map(checkedId) };
}

/** @throws RejectedError PULSE_USAGE_INVALID It is not the id of a dead letter. */
export function checkedId(id: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return id.toLowerCase();
  throw misused(`"${id}" is not an id; \`pulse dead-letters list\` shows them.`);
}

/** The error of a wrong use; ends with exit code 2. */
export function misused(sentence: string): RejectedError {
  return new RejectedError('PULSE_USAGE_INVALID', sentence);
}

/** Who acts: whoever says so, since the command line knows no tokens; else the user of the machine. */
export function actorFrom({ as }: { readonly as?: string }): Actor {
  const name = as ?? machineUser();
  if (/^[^\p{Cc}\p{Cs}]{1,128}$/u.test(name)) return { name, via: 'command_line', scope: 'all' };
  throw misused('--as: must be a name of 1 to 128 characters.');
}

/** @throws RejectedError PULSE_USAGE_INVALID It does not fit into the history. */
export function checkedNote(note: string): string {
  if (/^[^\p{Cc}\p{Cs}]{1,1000}$/u.test(note) && note.trim() !== '') return note;
  throw misused('--note: must be one line of 1 to 1,000 characters.');
}

/** Opens Postgres, which must be up to date; closed with the run. */
export async function openPool(run: CommandRun, name = 'pulse dead-letters'): Promise<Pool> {
  const { config, logger, closer, stop } = run;
  const { databaseUrl } = findServers(run);
  await waitForPostgres(databaseUrl, { timeoutMs: config.startTimeoutMs, logger, signal: stop });
  const pending = await pendingMigrations(databaseUrl);
  if (pending.length > 0) {
    throw new FatalError(
      'PULSE_POSTGRES_MIGRATIONS',
      `The database lacks ${pending.join(', ')}: run \`pulse migrate\`.`,
    );
  }
  const pool = createPool(databaseUrl, { name, logger });
  closer.add('postgres', () => pool.end());
  return pool;
}

/** Opens what a replay needs; closed with the run. */
export async function openReplay(run: CommandRun): Promise<ReplayDeps> {
  const { config, logger, closer, stop } = run;
  const pool = await openPool(run);
  const { rabbitmqUrl: url } = findServers(run);
  await waitForRabbit(url, { timeoutMs: config.startTimeoutMs, logger, signal: stop });
  await declareTopologyAt(url, config.queue);
  const publisher = createPublisher({ url, logger, name: 'pulse dead-letters' });
  closer.add('publisher', () => publisher.close());
  return {
    pool,
    publish: (publication) => publisher.publish(publication),
    queue: config.queue,
    dedupeWindowSeconds: config.ingest.dedupeWindowSeconds,
  };
}

function machineUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without a name, as containers have.
    return `uid ${String(process.getuid?.() ?? 'unknown')}`;
  }
}

function instant(text: string): number {
  const ms = parseTimestamp(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError('It must be an RFC 3339 instant such as 2026-01-31T13:00:00Z.');
}

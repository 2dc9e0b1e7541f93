/** What `pulse users` and `pulse keys` share: roles, tenants, who acts. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { AuditSource } from '../access/audit.ts';
import { TENANT_LENGTH_MAX, TENANT_PATTERN } from '../contract/rules.ts';
import { ROLES, type Role } from '../http/caller.ts';
import type { TenantScope } from '../core/tenant-scope.ts';
import { EXIT_DONE, toJson, withExamples, type CommandRun } from './command.ts';
import { actorFrom, misused, type RunSubcommand } from '../commands/dead-letters-options.ts';

/** What a user or key may do, as it is asked for. */
export interface RightsFlags {
  readonly role: Role;
  readonly tenant?: readonly string[];
  readonly allTenants?: true;
}

const TENANTS_MAX = 1_000;

/** Adds the options that say what a user or key may do. */
export function withRights(command: Command): Command {
  return command
    .addOption(
      new Option('--role <role>', 'viewer reads, operator also sends and repairs, admin does all')
        .choices(ROLES)
        .default('viewer'),
    )
    .option('--tenant <tenant>', 'may see and send for this tenant; repeatable', collectTenant)
    .option('--all-tenants', 'may see and send for every tenant');
}

/**
 * The scope asked for. There is no default: seeing everything must be meant.
 *
 * @throws RejectedError PULSE_USAGE_INVALID Neither or both are given, or an administrator of some tenants.
 */
export function scopeFrom({ role, tenant, allTenants }: RightsFlags): TenantScope {
  if ((tenant === undefined) === (allTenants === undefined)) {
    throw misused('Give either --all-tenants, or --tenant once for each tenant.');
  }
  if (tenant === undefined) return 'all';
  if (role === 'admin') throw misused('--role admin: needs --all-tenants.');
  if (tenant.length > TENANTS_MAX) throw misused(`--tenant: at most ${TENANTS_MAX} of them.`);
  return [...new Set(tenant)];
}

/** Whom the audit log names. */
export function sourceFrom(flags: { readonly as?: string }): AuditSource {
  return { actor: actorFrom(flags).name, via: 'command_line' };
}

/** A scope in a table. */
export function describeScope(scope: TenantScope): string {
  return scope === 'all' ? 'all tenants' : scope.join(', ');
}

/** An instant in a table. */
export function describeInstant(instant: Date | null): string {
  return instant === null ? '-' : `${instant.toISOString().slice(0, 19)}Z`;
}

function collectTenant(text: string, before: readonly string[] = []): string[] {
  if (new RegExp(TENANT_PATTERN, 'u').test(text)) return [...before, text];
  throw new InvalidArgumentError(
    `It must have 1 to ${TENANT_LENGTH_MAX} characters, no control characters.`,
  );
}

interface Listing<Row> {
  readonly description: string;
  readonly list: (context: CommandRun) => Promise<readonly Row[]>;
  readonly toApi: (row: Row) => object;
  readonly describe: (row: Row) => string;
}

/** Adds `list` to `group`: a line for each row, or all as JSON. */
export function addListCommand<Row>(
  group: Command,
  run: RunSubcommand,
  listing: Listing<Row>,
): void {
  const command = group
    .command('list')
    .description(listing.description)
    .option('--json', 'print as JSON')
    .action((flags: { json?: true }) =>
      run(async (context) => {
        const rows = await listing.list(context);
        if (flags.json === true) context.print(toJson({ data: rows.map(listing.toApi) }));
        else for (const row of rows) context.print(listing.describe(row));
        return EXIT_DONE;
      }),
    );
  withExamples(command, `pulse ${group.name()} list`);
}

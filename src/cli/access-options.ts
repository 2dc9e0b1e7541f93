/** What `pulse users` and `pulse keys` share: rights, the actor, lists. */
import { InvalidArgumentError } from 'commander';
import type { AuditSource } from '../access/audit.ts';
import { isTenant, mayHaveScope, TENANTS_MAX, toScope } from '../access/access-rules.ts';
import { TENANT_LENGTH_MAX } from '../contract/rules.ts';
import { ROLES, type Role } from '../http/caller.ts';
import type { TenantScope } from '../core/tenant-scope.ts';
import { actorName } from './actor.ts';
import { EXIT_DONE, misused, type CommandRun } from './command.ts';
import { defineCommand, type SetUp } from './define-command.ts';
import type { Flags, OptionSpecs } from './options.ts';
import { tableLines, type Column } from './table.ts';

/** What a user or key may do. */
export const RIGHTS = {
  role: {
    value: '<role>',
    about: 'viewer reads, operator also sends and repairs, admin does everything',
    choices: ROLES,
    default: 'viewer',
  },
  tenant: {
    value: '<tenant>',
    about: 'allow reading and sending for this tenant; repeatable',
    parse: collectTenant,
  },
  allTenants: { about: 'allow reading and sending for every tenant' },
} as const satisfies OptionSpecs;

/**
 * There is no default scope: access to everything must be intended.
 *
 * @throws RejectedError PULSE_USAGE_INVALID Neither or both are given, or an administrator of some tenants.
 */
export function rightsFrom({ role, tenant, allTenants }: Flags<typeof RIGHTS>): {
  role: Role;
  scope: TenantScope;
} {
  if ((tenant === undefined) === !allTenants) {
    throw misused('Give either --all-tenants, or --tenant once for each tenant.');
  }
  if (tenant === undefined) return { role, scope: 'all' };
  const scope = toScope(tenant);
  if (!mayHaveScope(role, scope)) throw misused('--role admin: needs --all-tenants.');
  if (tenant.length > TENANTS_MAX) throw misused(`--tenant: at most ${TENANTS_MAX} are allowed.`);
  return { role, scope };
}

/** The actor as the audit log records it. */
export function sourceFrom(flags: { readonly as: string | undefined }): AuditSource {
  return { actor: actorName(flags), via: 'command_line' };
}

export function describeScope(scope: TenantScope): string {
  return scope === 'all' ? 'all tenants' : scope.join(', ');
}

export function describeInstant(instant: Date | null): string {
  return instant === null ? '-' : `${instant.toISOString().slice(0, 19)}Z`;
}

function collectTenant(text: string, before: readonly string[] = []): string[] {
  if (isTenant(text)) return [...before, text];
  throw new InvalidArgumentError(
    `It must have 1 to ${TENANT_LENGTH_MAX} characters, no control characters.`,
  );
}

/** A `list` command: a table with a line for each row, or all of them as JSON. */
export function defineList<Row>(listing: {
  readonly summary: string;
  readonly list: (run: CommandRun) => Promise<readonly Row[]>;
  readonly toApi: (row: Row) => object;
  readonly columns: (nowMs: number) => readonly Column<Row>[];
  /** Printed instead of a table without rows. */
  readonly none: string;
  readonly examples: readonly string[];
}): SetUp {
  return defineCommand({
    summary: listing.summary,
    json: true,
    examples: listing.examples,
    async run(context) {
      const rows = await listing.list(context);
      const lines =
        rows.length === 0 ? listing.none : tableLines(listing.columns(Date.now()), rows);
      context.answer({ data: rows.map(listing.toApi) }, lines);
      return EXIT_DONE;
    },
  });
}

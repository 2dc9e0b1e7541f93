/** What the commands of `pulse dead-letters` share. */
import { actorName } from '../cli/actor.ts';
import { openPool } from '../cli/clients.ts';
import { misused, type CommandRun } from '../cli/command.ts';
import { instant, type Flags, type OptionSpecs } from '../cli/options.ts';
import { DEAD_LETTER_REASONS } from '../contract/rejection.ts';
import type { Actor } from '../quarantine/quarantine.ts';
import type { ManyFilters } from '../quarantine/replay-many.ts';

/** Which dead letters. */
export const FILTERS = {
  reason: { value: '<reason>', about: 'only this reason', choices: DEAD_LETTER_REASONS },
  tenant: { value: '<tenant>', about: 'only this tenant, where the body could be read' },
  pulseId: { value: '<id>', about: 'only the pulse with this id' },
  messageId: { value: '<id>', about: 'only this AMQP message id' },
  queue: { value: '<name>', about: 'only messages of this queue' },
  from: {
    value: '<instant>',
    about: 'only those received at this time or later (RFC 3339)',
    parse: instant,
  },
  to: { value: '<instant>', about: 'only those received before this time', parse: instant },
} as const satisfies OptionSpecs;

export function toFilters(flags: Flags<typeof FILTERS>): ManyFilters {
  const { reason, tenant, pulseId, messageId, queue, from, to } = flags;
  return { reason, tenant, pulseId, messageId, queue, fromMs: from, toMs: to };
}

/** @throws RejectedError PULSE_USAGE_INVALID It is not the id of a dead letter. */
export function checkedId(id: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return id.toLowerCase();
  throw misused(`"${id}" is not an id; \`pulse dead-letters list\` shows them.`);
}

/** The command line may touch the dead letters of every tenant. */
export function actorFrom(flags: { readonly as: string | undefined }): Actor {
  return { name: actorName(flags), via: 'command_line', scope: 'all' };
}

export const open = (run: CommandRun) => openPool(run, 'pulse dead-letters');

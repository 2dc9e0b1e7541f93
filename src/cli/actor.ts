/** Who runs a command, and why: for histories and the audit log. */
import { userInfo } from 'node:os';
import { misused } from './command.ts';
import type { OptionSpecs } from './options.ts';

/** The option that says who; the command line knows no tokens, so it takes the user's word. */
export const ACTOR = {
  as: { value: '<name>', about: 'who you are, for the history (default: your user name)' },
} as const satisfies OptionSpecs;

/** @throws RejectedError PULSE_USAGE_INVALID The name does not fit into the history. */
export function actorName({ as }: { readonly as: string | undefined }): string {
  const name = as ?? machineUser();
  if (/^[^\p{Cc}\p{Cs}]{1,128}$/u.test(name)) return name;
  throw misused('--as: must be a name of 1 to 128 characters.');
}

/** @throws RejectedError PULSE_USAGE_INVALID It does not fit into the history. */
export function checkedNote(note: string): string {
  if (/^[^\p{Cc}\p{Cs}]{1,1000}$/u.test(note) && note.trim() !== '') return note;
  throw misused('--note: must be one line of 1 to 1,000 characters.');
}

function machineUser(): string {
  try {
    return userInfo().username;
  } catch {
    // In containers, a user id may have no name.
    return `uid ${String(process.getuid?.() ?? 'unknown')}`;
  }
}

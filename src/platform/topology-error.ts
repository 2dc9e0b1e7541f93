/** How existing exchanges and queues differ from what Pulse declares. */
import { codeOf, FatalError } from '../core/errors.ts';

const ACCESS_REFUSED = 403;
const RESOURCE_LOCKED = 405;
const PRECONDITION_FAILED = 406;

/** Returns errors that are not about the declaration, such as a lost connection, unchanged. */
export function toTopologyError(error: unknown, classicQueue: string | undefined): unknown {
  if (!(error instanceof Error)) return error;
  const code = codeOf(error);
  const reason = /"[A-Z_]+ - (.*)"$/s.exec(error.message)?.[1] ?? error.message;
  const problem =
    code === PRECONDITION_FAILED
      ? classicQueue === undefined
        ? mismatchSentence(reason)
        : `The queue "${classicQueue}" is a classic queue: Pulse needs x-queue-type "quorum". ` +
          'Drain and delete it, or set PULSE_QUEUE to a new name.'
      : code === ACCESS_REFUSED || code === RESOURCE_LOCKED
        ? `RabbitMQ does not let this user declare what Pulse needs: ${reason}. Grant the configure permission, or set PULSE_QUEUE to another name.`
        : undefined;
  if (problem === undefined) return error;
  return new FatalError('PULSE_RABBIT_TOPOLOGY', problem, { cause: error });
}

const INEQUIVALENT =
  /^inequivalent arg '(.+)' for (queue|exchange) '(.+)' in vhost '(.+)': received (.+) but current is (.+)$/s;

function mismatchSentence(reason: string): string {
  const match = INEQUIVALENT.exec(reason);
  if (match === null) {
    return `RabbitMQ refused a declaration: ${reason}. Drain and delete what exists, or set PULSE_QUEUE to a new name.`;
  }
  const [, argument, kind, name, vhost, wanted, current] = match;
  return (
    `The ${kind} "${name}" in virtual host "${vhost}" exists with a different ${argument}: ` +
    `Pulse needs ${valueOf(wanted)}, it has ${valueOf(current)}. ` +
    `Drain and delete it, or set PULSE_QUEUE to a new name.`
  );
}

/** `the value 'x' of type 'longstr'`, `'x'` or `none` → `x` in quotes, or `none`. */
function valueOf(text: string | undefined): string {
  const quoted = /'(.*?)'/s.exec(text ?? '');
  return quoted === null ? 'none' : `"${quoted[1]}"`;
}

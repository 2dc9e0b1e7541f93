/** Instants in parameters and bodies → milliseconds, or a 400 that names the field. */
import { parseTimestamp } from '../core/timestamp.ts';
import { invalidField } from './problems.ts';

/**
 * Where a schema says date-time it lets a few texts pass that are no instants, such as one without a `T`.
 *
 * @param what What the field takes, for the answer.
 * @throws ProblemError 400.
 */
export function instantFrom(field: string, text: string, what = 'an RFC 3339 instant'): number {
  const ms = parseTimestamp(text);
  if (ms !== undefined) return ms;
  const example = '2026-01-31T13:00:00Z (in a URL write + as %2B)';
  throw invalidField(field, `must be ${what} such as ${example}`);
}

/** The span from `from`, inclusive, to `to`; what is not given is open. */
export interface Span {
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

/** @throws ProblemError 400. */
export function spanFrom({
  from,
  to,
}: {
  from?: string | undefined;
  to?: string | undefined;
}): Span {
  return checkedSpan({
    fromMs: from === undefined ? undefined : instantFrom('from', from),
    toMs: to === undefined ? undefined : instantFrom('to', to),
  });
}

/** @throws ProblemError 400: it is empty. */
export function checkedSpan(span: Span): Span {
  const { fromMs, toMs } = span;
  if (fromMs === undefined || toMs === undefined || fromMs < toMs) return span;
  throw invalidField('to', 'must be after from');
}

/** Parses instants in parameters and bodies into milliseconds. */
import { parseTimestamp } from '../core/timestamp.ts';
import { invalidField } from './problems.ts';

/**
 * The date-time format of a schema accepts a few texts that are not instants, for example one without a `T`.
 *
 * @param what Describes the accepted values, for the error.
 * @throws ProblemError 400, names the field.
 */
export function instantFrom(field: string, text: string, what = 'an RFC 3339 instant'): number {
  const ms = parseTimestamp(text);
  if (ms !== undefined) return ms;
  const example = '2026-01-31T13:00:00Z (in a URL write + as %2B)';
  throw invalidField(field, `must be ${what} such as ${example}`);
}

/** From `fromMs`, inclusive, to `toMs`, exclusive. Undefined: no bound. */
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

/** @throws ProblemError 400: the span is empty. */
export function checkedSpan(span: Span): Span {
  const { fromMs, toMs } = span;
  if (fromMs === undefined || toMs === undefined || fromMs < toMs) return span;
  throw invalidField('to', 'must be after from');
}

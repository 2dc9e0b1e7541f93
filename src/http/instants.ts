/** Parses instants in parameters and bodies into milliseconds. */
import { parseInstant, parseTimestamp } from '../core/timestamp.ts';
import { invalidField } from './problems.ts';

/**
 * The date-time format of a schema accepts a few texts that are not instants, for example one without a `T`.
 *
 * @param what Describes the accepted values, for the error.
 * @throws ProblemError 400, names the field.
 */
export function instantFrom(
  field: string,
  text: string,
  what = 'an RFC 3339 instant of the years 1 to 9999',
): number {
  return checkedInstant(parseInstant(text), field, what);
}

function checkedInstant(ms: number | undefined, field: string, what: string): number {
  if (ms !== undefined) return ms;
  const example = '2026-01-31T13:00:00Z (in a URL write + as %2B)';
  throw invalidField(field, `must be ${what} such as ${example}`);
}

/** From `fromMs`, inclusive, to `toMs`, exclusive. Undefined: no bound. */
export interface Span {
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

/** Only compared, so it may begin and end with any year. @throws ProblemError 400. */
export function spanFrom({
  from,
  to,
}: {
  from?: string | undefined;
  to?: string | undefined;
}): Span {
  return checkedSpan({
    fromMs: from === undefined ? undefined : boundFrom('from', from),
    toMs: to === undefined ? undefined : boundFrom('to', to),
  });
}

function boundFrom(field: string, text: string): number {
  return checkedInstant(parseTimestamp(text), field, 'an RFC 3339 instant');
}

/** @throws ProblemError 400: the span is empty. */
export function checkedSpan(span: Span): Span {
  const { fromMs, toMs } = span;
  if (fromMs === undefined || toMs === undefined || fromMs < toMs) return span;
  throw invalidField('to', 'must be after from');
}

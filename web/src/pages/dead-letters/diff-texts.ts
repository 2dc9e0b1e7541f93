/** Two bodies as texts to compare: with one member a line, if both are JSON. */
import { lossyTextOf, type SentBody } from '../../parts/body-text.ts';
import { prettyJson } from '../../parts/pretty-json.ts';

export function diffTexts(before: SentBody, after: SentBody): [before: string, after: string] {
  const [old, now] = [lossyTextOf(before), lossyTextOf(after)];
  const [oldPretty, nowPretty] = [prettyJson(old), prettyJson(now)];
  return oldPretty === undefined || nowPretty === undefined ? [old, now] : [oldPretty, nowPretty];
}

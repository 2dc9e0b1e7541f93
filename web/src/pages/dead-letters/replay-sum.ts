/** The sum that a replay should raise: no answer of the API says whether a pulse was counted. */
import { api, dataOf } from '../../api/client.ts';
import { queries } from '../../api/queries.ts';
import type { components } from '../../api/schema.d.ts';
import { lossyTextOf, type SentBody } from '../../parts/body-text.ts';
import { hourQuery, replaysOf, type NotedSum } from './hour-sum.ts';
import { judgeBody, type CountedPulse } from './judge-body.ts';

type DeadLetter = components['schemas']['DeadLetter'];

export async function readHourSum(pulse: CountedPulse, signal?: AbortSignal): Promise<string> {
  const query = hourQuery(pulse);
  const { data } = await dataOf(
    api.GET('/api/v1/usage', { params: { query }, ...(signal === undefined ? {} : { signal }) }),
  );
  return data[0]?.used_amount ?? '0';
}

export function notedKey(id: string): readonly unknown[] {
  return ['replay', id];
}

/** Notes the sum before a replay. What may have been counted before says nothing by it, nor do several pulses. */
export async function noteSum(shown: DeadLetter, body: SentBody): Promise<void> {
  queries.removeQueries({ queryKey: notedKey(shown.id) });
  if (shown.queue !== null || shown.maybe_counted_since !== null) return;
  const [pulse, ...others] = judgeBody(lossyTextOf(body), shown, Date.now());
  if (pulse?.isCounted !== true || others.length > 0) return;
  try {
    const noted: NotedSum = {
      pulse,
      before: await readHourSum(pulse),
      replays: replaysOf(shown),
    };
    queries.setQueryData(notedKey(shown.id), noted);
  } catch {
    // The replay does not depend on it.
  }
}

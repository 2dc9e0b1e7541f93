/** How an endpoint does, in a word and in a sentence. */
import type { components } from '../../api/schema.d.ts';
import { count } from '../../parts/words.ts';

type Endpoint = components['schemas']['Endpoint'];

const DISABLED = {
  gone: 'It answered 410, so it wants nothing more.',
  failing: 'It failed for 5 days without a success.',
  requested: 'Somebody disabled it.',
} as const;

/** After this many failures in a row it gets one delivery at a time. */
const SET_ASIDE = 10;

export const NOTHING_DELIVERED = 'No message was delivered to it yet.';

export function healthOf(endpoint: Endpoint): { readonly state: string; readonly words: string } {
  const { status, disabled_reason, failures_in_row, last_attempt_at } = endpoint;
  if (status === 'disabled') {
    const why = disabled_reason === null ? '' : DISABLED[disabled_reason];
    return { state: 'disabled', words: `${why} Nothing is sent until it is enabled.` };
  }
  if (failures_in_row >= SET_ASIDE) {
    return {
      state: 'failing',
      words: `${count(failures_in_row, 'failure')} in a row: it gets one delivery at a time until one succeeds.`,
    };
  }
  if (failures_in_row > 0) {
    return { state: 'failing', words: `${count(failures_in_row, 'failure')} in a row.` };
  }
  if (last_attempt_at === null) return { state: 'enabled', words: NOTHING_DELIVERED };
  return { state: 'ok', words: 'The last delivery succeeded.' };
}

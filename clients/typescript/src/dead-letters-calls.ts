/** Calls about the quarantine. */
import type {
  DeadLetter,
  DeadLetterDetail,
  DeadLetterFix,
  DeadLetterReplay,
  DeadLetterReplayOptions,
  DeadLettersDiscard,
  DeadLettersDiscardRequest,
  DeadLettersPage,
  DeadLettersQuery,
  DeadLettersReplay,
  DeadLettersReplayRequest,
} from './dead-letter-types.ts';
import { follow } from './paging.ts';
import type { Transport } from './transport.ts';

/** Changes throw PulseApiError 409 PULSE_API_DEAD_LETTER_STATE when the dead letter no longer waits for a decision. */
export interface DeadLettersCalls {
  /** One page, newest first, without bodies. */
  page(query?: DeadLettersQuery): Promise<DeadLettersPage>;
  /** All of them, page after page. */
  all(query?: DeadLettersQuery): AsyncIterableIterator<DeadLetter>;
  /** With body, headers and history. */
  get(id: string): Promise<DeadLetterDetail>;
  /** Replaces the body and sends nothing: replay it afterwards. The original body is kept. */
  fix(id: string, fix: DeadLetterFix): Promise<DeadLetter>;
  /**
   * Sends it through its queue again, from any state, under its original identity: a pulse counts once, however often
   * it is replayed.
   *
   * @throws PulseApiError 409 PULSE_API_DEAD_LETTER_FORGOTTEN: it may have been counted so long ago that its id is
   * forgotten. PULSE_API_DEAD_LETTER_UNROUTABLE: the queue that it came from no longer exists.
   */
  replay(id: string, options?: DeadLetterReplayOptions): Promise<DeadLetterReplay>;
  /** Keeps it, with who, when and why. @param note 1 to 1,000 characters. */
  discard(id: string, note: string): Promise<DeadLetter>;
  /**
   * Replays those that match and wait, oldest first. Resolves when done: repeat it with `after` set to `next` until that
   * is null.
   *
   * @throws PulseApiError 409 PULSE_API_REPLAY_BUSY: another bulk replay of your tenants is in progress.
   */
  replayMany(request: DeadLettersReplayRequest): Promise<DeadLettersReplay>;
  /** Discards those that match and wait, oldest first. Repeat it while `discarded` equals `limit`. */
  discardMany(request: DeadLettersDiscardRequest): Promise<DeadLettersDiscard>;
}

/** The API's own limits, and a little for the way. */
const REPLAY_WITHIN_MS = 80_000;
const REPLAY_MANY_WITHIN_MS = 120_000;

export function createDeadLettersCalls(transport: Transport): DeadLettersCalls {
  const page = (query: DeadLettersQuery = {}) =>
    transport.request<DeadLettersPage>('GET', '/dead-letters', { query: { ...query } });
  const pathOf = (id: string) => `/dead-letters/${encodeURIComponent(id)}`;

  return {
    page,
    all: (query) => follow(page, query),
    get: (id) => transport.request('GET', pathOf(id)),
    fix: (id, json) => transport.request('PUT', `${pathOf(id)}/body`, { json }),
    replay: (id, json = {}) =>
      transport.request('POST', `${pathOf(id)}/replay`, { json, answerWithinMs: REPLAY_WITHIN_MS }),
    discard: (id, note) => transport.request('POST', `${pathOf(id)}/discard`, { json: { note } }),
    replayMany: (json) =>
      transport.request('POST', '/dead-letters/replay', {
        json,
        answerWithinMs: REPLAY_MANY_WITHIN_MS,
      }),
    discardMany: (json) => transport.request('POST', '/dead-letters/discard', { json }),
  };
}

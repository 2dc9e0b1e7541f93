/** Calls about populate runs. */
import type { NewPopulateRun, PopulateRun } from './populate-types.ts';
import type { Transport } from './transport.ts';

export interface PopulateCalls {
  readonly populate: {
    /** Starts to fill the queue. Follow it with `get` until its state is no longer `running`. */
    start(run: NewPopulateRun): Promise<PopulateRun>;
    get(id: string): Promise<PopulateRun>;
  };
}

export function createPopulateCalls(transport: Transport): PopulateCalls {
  return {
    populate: {
      start: (json) => transport.request('POST', '/pulses/populate', { json }),
      get: (id) => transport.request('GET', `/pulses/populate/${encodeURIComponent(id)}`),
    },
  };
}

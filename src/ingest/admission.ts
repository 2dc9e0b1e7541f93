/** Admission in an ingest thread: a copy of the subscriptions, and a way to ask the main thread for a newer one. */
import { AdmissionTable, type AdmissionMode, type AdmissionRow } from '../contract/admission.ts';
import { sleep } from '../platform/backoff.ts';
import { withChildSignal } from '../platform/child-signal.ts';

export interface Admission {
  readonly mode: AdmissionMode;
  /** The subscriptions as they are known. */
  readonly table: AdmissionTable;
  /**
   * Waits for subscriptions that were read after this call.
   *
   * @returns False when they cannot be read now, or `signal` aborts.
   */
  readonly refresh: (signal: AbortSignal) => Promise<boolean>;
}

/** Nothing is looked up. */
export const NO_ADMISSION: Admission = {
  mode: 'off',
  table: new AdmissionTable(),
  refresh: () => Promise.resolve(true),
};

export interface ThreadAdmission extends Admission {
  apply(rows: readonly AdmissionRow[]): void;
  /** The main thread has answered the request `ticket`; what it has read was applied before. */
  answer(ticket: number, isFresh: boolean): void;
}

/** The main thread answers within three seconds unless it hangs; then pulses must not wait for it. */
const ANSWER_TIMEOUT_MS = 5_000;

/** @param ask Asks the main thread, which calls `answer` with the ticket. */
export function createThreadAdmission(
  { mode, rows }: { readonly mode: AdmissionMode; readonly rows: readonly AdmissionRow[] },
  ask: (ticket: number) => void,
): ThreadAdmission {
  const table = new AdmissionTable(rows);
  const waiting = new Map<number, (isFresh: boolean) => void>();
  let ticket = 0;
  return {
    mode,
    table,
    async refresh(signal) {
      const own = ++ticket;
      const answered = new Promise<boolean>((resolve) => waiting.set(own, resolve));
      ask(own);
      const isFresh = await withChildSignal([signal], (end) =>
        Promise.race([answered, sleep(ANSWER_TIMEOUT_MS, end).then(() => false)]),
      );
      waiting.delete(own);
      return isFresh;
    },
    apply(rows) {
      table.apply(rows);
    },
    answer(answered, isFresh) {
      waiting.get(answered)?.(isFresh);
    },
  };
}

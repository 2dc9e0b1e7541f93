/** Admission in a worker: what ingest needs to know of subscriptions, and the record of who has none. */
import type { Clients } from '../cli/clients.ts';
import type { PartRun } from '../cli/part.ts';
import {
  NO_ADMISSION_WATCH,
  openAdmissionWatch,
  type AdmissionWatch,
} from '../ingest/admission-watch.ts';
import type { IngestCounts } from '../ingest/thread-messages.ts';
import { startUnsubscribedWriter } from '../ingest/unsubscribed-writer.ts';
import {
  addUnsubscribedUsage,
  forgetUnsubscribedUsage,
  readAdmission,
} from '../subscriptions/admission-query.ts';

export interface WorkerAdmission {
  readonly watch: AdmissionWatch;
  readonly record: (counts: Pick<IngestCounts, 'unsubscribed' | 'unsubscribedUsages'>) => void;
}

/** Reads the subscriptions before any thread consumes. Closes after the threads, which may still ask. */
export async function startAdmission(
  { config, logger, registry, closer }: PartRun,
  { pool }: Pick<Clients, 'pool'>,
): Promise<WorkerAdmission> {
  const { admission, pulseAgeMaxMs } = config.ingest;
  if (admission === 'off') return { watch: NO_ADMISSION_WATCH, record: () => undefined };
  const watch = await openAdmissionWatch({
    read: (options) => readAdmission(pool, options),
    pulseAgeMaxMs,
    logger,
    registry,
  });
  closer.add('admission watch', () => watch.close());
  const writer = startUnsubscribedWriter({
    write: (usages) => addUnsubscribedUsage(pool, usages),
    forget: () => forgetUnsubscribedUsage(pool),
    logger,
  });
  closer.add('unsubscribed usage', () => writer.close());
  return {
    watch,
    record: ({ unsubscribed, unsubscribedUsages }) => {
      writer.add(unsubscribedUsages, unsubscribed);
    },
  };
}

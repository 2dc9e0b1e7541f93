/** The parts of a long-running process: each is started in turn, and closed in reverse with the run. */
import type { Registry } from 'prom-client';
import type { Settings } from '../aggregate/settings.ts';
import type { DeliveryStep } from '../delivery/delivery-steps.ts';
import type { BooksVerdict } from '../flush/books-watch.ts';
import type { OldestHeld } from '../ingest/queue-metrics.ts';
import type { ExportPoint } from '../exports/export-points.ts';
import type { MessageStep } from '../messaging/message-steps.ts';
import type { ProcessHealth } from '../platform/health.ts';
import type { Tracing } from '../platform/tracing.ts';
import type { Clients } from './clients.ts';
import type { CommandRun } from './command.ts';
import type { PreparationStep, ServerCheck } from './prepare-servers.ts';
import type { ApiCredentials } from './servers.ts';

export interface Part {
  readonly name: string;
  /** Refuses servers that it must not use, before anything is changed on them. */
  readonly check?: ServerCheck;
  /** Creates on the servers what it needs. */
  readonly prepare?: PreparationStep;
  /** Adds to `run.closer` what must be closed, to `run.health` what readiness depends on. */
  start?(run: PartRun, clients: Clients): void | Promise<void>;
}

/** What parts are started with. */
export interface PartRun extends CommandRun {
  readonly settings: Settings;
  readonly credentials: ApiCredentials;
  readonly registry: Registry;
  readonly health: Pick<ProcessHealth, 'add'>;
  readonly tracing: Tracing;
  /** Called after each step of a message; fault tests stop the process there. */
  readonly onMessageStep: (step: MessageStep) => void;
  /** The same for the points of an export. */
  readonly onExportPoint: (point: ExportPoint) => void;
  /** The same after each step of a delivery. */
  readonly onDeliveryStep: (step: DeliveryStep) => void;
  /** Stops the process: its state is in doubt. */
  readonly onFatal: (error: Error) => void;
  /** What the process watches, by name; metrics show which of them the last look could not see. */
  readonly watches: Record<string, { readonly latest: unknown }>;
  readonly links: PartLinks;
}

/** What a part tells parts that start after it. Each stays as it is where the part does not run. */
export interface PartLinks {
  /** Set by flush, called by ingest: the traces of batches that are settled. */
  onTraced: (traceparents: readonly string[]) => void;
  /** Set by ingest, read at every scrape: the delivery that its threads have held for longest. */
  oldestHeld: () => OldestHeld | undefined;
  /** Set by the queue watch: the age of the oldest pulse that is not counted, as far as this process knows. */
  oldestPulseSeconds: () => number | undefined;
  /** Set by the books watch: whether the books balanced when it last looked. */
  books: () => BooksVerdict | undefined;
  /** Set by the API. */
  apiUrl: string | undefined;
}

/** Compares what a round of exports has left behind with what was asked for. */
import type { ExportsLeft, StoredExport } from './export-left.ts';
import { toldOf, type ExportIntent } from './export-plan.ts';

export interface ExportsVerdict {
  readonly exports: number;
  readonly ready: number;
  readonly failed: number;
  readonly canceled: number;
  /** Canceled when they were ready. */
  readonly expired: number;
  readonly refused: number;
  /** Attempts after the first. */
  readonly repeated: number;
  /** Exports whose question was asked again. */
  readonly compared: number;
  readonly rows: number;
  readonly events: number;
  readonly swept: number;
  readonly complaints: readonly string[];
}

export function checkExports(
  intents: readonly ExportIntent[],
  left: ExportsLeft,
  failureCodes: ReadonlySet<string>,
): ExportsVerdict {
  const byId = new Map(left.exports.map((one) => [one.id, one]));
  const asked = intents.flatMap(({ id }) => (id === undefined ? [] : [byId.get(id)]));
  const first = asked.filter((one) => one !== undefined);
  const inState = (state: string) => first.filter((one) => one.state === state).length;
  return {
    exports: intents.length,
    ready: inState('ready'),
    failed: inState('failed'),
    canceled: inState('canceled'),
    expired: inState('expired'),
    refused: intents.filter(({ refusal }) => refusal !== undefined).length,
    repeated: left.exports.reduce((sum, { fence }) => sum + Math.max(0, fence - 1), 0),
    compared: intents.filter(({ again }) => again !== undefined).length,
    rows: first.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0),
    events: left.events.length,
    swept: left.sweptCount,
    complaints: [
      ...checkRows(intents, left),
      ...intents.flatMap((intent) =>
        checkIntent(intent, byId, failureCodes).map((what) => `${intent.key}: ${what}`),
      ),
      ...intents.flatMap((intent) => checkEvents(intent, byId, left)),
      ...left.exports.flatMap((one) => checkDownload(one, left)),
      ...(left.waitingCount > 0 ? [`${left.waitingCount} messages are left in queues`] : []),
      ...(left.outboxCount > 0 ? [`${left.outboxCount} jobs are left in the outbox`] : []),
    ],
  };
}

/** One row for each key that was answered, and no others. */
function checkRows(intents: readonly ExportIntent[], { exports }: ExportsLeft): string[] {
  const answered = intents.flatMap(({ id, again }) => [id, again?.id]);
  const wanted = new Set(answered.filter((id) => id !== undefined));
  return [
    ...(wanted.size === exports.length
      ? []
      : [`${exports.length} exports were stored, ${wanted.size} answered`]),
    ...exports.filter(({ id }) => !wanted.has(id)).map(({ id }) => `nobody asked for ${id}`),
  ];
}

function checkIntent(
  { id, endedAs, refusal, cancel, again }: ExportIntent,
  byId: ReadonlyMap<string, StoredExport>,
  failureCodes: ReadonlySet<string>,
): string[] {
  if (refusal !== undefined) return [`it was refused: ${refusal}`];
  const stored = byId.get(id ?? '');
  if (stored === undefined) return ['it is not stored'];
  const { state, failureCode, failureDetail, pulseCount, rowCount } = stored;
  if (cancel !== undefined && state !== endedAs)
    return [`it is ${state}, the cancel said ${endedAs}`];
  if (state === 'failed' && !failureCodes.has(failureCode ?? '')) {
    return [`it failed: ${failureCode} ${failureDetail}`];
  }
  if (cancel === undefined && state !== 'ready' && state !== 'failed') return [`it is ${state}`];
  if (pulseCount !== null && rowCount !== null && rowCount !== pulseCount) {
    return [`it has ${rowCount} rows, there were ${pulseCount}`];
  }
  return state === 'ready' ? compare(stored, byId.get(again?.id ?? '')) : [];
}

/** The same bytes as the second one. */
function compare(one: StoredExport, other: StoredExport | undefined): string[] {
  if (other?.state !== 'ready') return [`the second one is ${other?.state}: ${other?.failureCode}`];
  if (other.asOf !== one.asOf) return [`the second one is as of ${other.asOf}, not ${one.asOf}`];
  if (other.sha256 === one.sha256 && other.byteCount === one.byteCount) return [];
  return [
    `it has ${one.rowCount} rows, ${one.sha256}; the second ${other.rowCount}, ${other.sha256}`,
  ];
}

/** One event for each that became ready, if it is about a customer, and none for others. */
function checkEvents(
  intent: ExportIntent,
  byId: ReadonlyMap<string, StoredExport>,
  { events }: ExportsLeft,
): string[] {
  const told = toldOf(intent);
  return [intent.id, intent.again?.id].flatMap((id) => {
    const stored = byId.get(id ?? '');
    if (stored === undefined) return [];
    const own = events.filter(({ exportId }) => exportId === id);
    const wasReady = stored.state === 'ready' || stored.state === 'expired';
    const wanted = wasReady && told !== undefined ? 1 : 0;
    const isRight =
      own.length === wanted &&
      own.every(({ client, sha256 }) => client === told && sha256 === stored.sha256);
    return isRight ? [] : [`${intent.key}: ${stored.state}, and events ${JSON.stringify(own)}`];
  });
}

function checkDownload({ id, state, sha256 }: StoredExport, { downloads }: ExportsLeft): string[] {
  if (state !== 'ready' || downloads.get(id) === sha256) return [];
  return [`${id}: the API gives ${downloads.get(id)}`];
}

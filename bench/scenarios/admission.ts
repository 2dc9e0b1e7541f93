import { AdmissionTable, type AdmissionRow } from '../../src/contract/admission.ts';
import { NO_ADMISSION, type Admission } from '../../src/ingest/admission.ts';
import { createBatchOpener, type Delivery } from '../../src/ingest/batch.ts';
import { newTraffic } from '../backlog.ts';
import type { BenchContext, Measured, Scenario } from '../scenario.ts';
import { median } from '../statistics.ts';
import { bodies, keyNames } from '../traffic.ts';

const KEY_COUNT = 20_000;
/** As many subscriptions as keys of ten times as many tenants have SKUs. */
const SUBSCRIBED_KEYS = 10 * KEY_COUNT;
const BATCH_SIZE = 1_000;
/** Often enough that what else runs on the machine hits both sides alike. */
const TURNS = 100;

/** What admission costs an ingest thread. In this process, without servers: the difference would drown in theirs. */
export const admission: Scenario = {
  name: 'admission',
  measured: 'CPU time of a pulse in an ingest thread that admission adds; 50,000 subscriptions',
  against: 'the same with ADMISSION=off, turn by turn in the same run',
  unit: 'µs/pulse',
  judgement: 'value at most',
  mustReach: 0.3,
  aim: 0.15,
  open: (context) => {
    const table = new AdmissionTable(subscriptionsOf(context));
    const on: Admission = {
      mode: 'observe',
      table,
      refresh: () => Promise.resolve(true),
    };
    let deliveries: Delivery[] = [];
    return Promise.resolve({
      prepare(warmUp) {
        deliveries = deliveriesOf(context, warmUp || context.quick ? 5_000 : 10_000);
        return Promise.resolve();
      },
      product: () => Promise.resolve(compare(deliveries, on)),
      verify: () => Promise.resolve(),
      close: () => Promise.resolve(),
    });
  },
};

/** One subscription for each tenant and SKU. */
function subscriptionsOf({ timestamp }: BenchContext): AdmissionRow[] {
  const intervals = [Date.parse(timestamp) - 86_400_000, Infinity];
  const rows = new Map<string, AdmissionRow>();
  for (let keyIndex = 0; keyIndex < SUBSCRIBED_KEYS; keyIndex++) {
    const { tenant, sku } = keyNames(keyIndex);
    const id = `${tenant} ${sku}`;
    rows.set(id, { id, tenant, sku, intervals });
  }
  return [...rows.values()];
}

function deliveriesOf(context: BenchContext, pulseCount: number): Delivery[] {
  const shape = { keyCount: KEY_COUNT, distribution: 'uniform' } as const;
  return [...bodies(newTraffic(context, shape, pulseCount))].map(
    (content, index) =>
      ({
        content,
        fields: { deliveryTag: index + 1, redelivered: false, exchange: 'p', routingKey: 'p' },
        properties: { headers: {} },
      }) as unknown as Delivery,
  );
}

/** @throws Error when a pulse is not admitted. */
function compare(deliveries: readonly Delivery[], on: Admission): Measured {
  const sides = { off: openerOf(NO_ADMISSION), on: openerOf(on) };
  const cpuUs = { off: [] as number[], on: [] as number[] };
  for (let turn = 0; turn < 2 * TURNS; turn++) {
    const side = Math.floor((turn + 1) / 2) % 2 === 0 ? 'off' : 'on';
    // CPU time, because others use the machine too.
    const before = process.cpuUsage();
    const unadmitted = takeAll(sides[side], deliveries);
    cpuUs[side].push(process.cpuUsage(before).user);
    if (unadmitted > 0) throw new Error(`${unadmitted} pulses have no subscription.`);
  }
  const usOf = (side: 'off' | 'on') => median(cpuUs[side]) / deliveries.length;
  const [offUs, onUs] = [usOf('off'), usOf('on')];
  return { value: onUs - offUs, details: { off_us: offUs, on_us: onUs } };
}

function openerOf(admission: Admission) {
  const limits = {
    bodyBytesMax: 1 << 20,
    pulseAgeMaxMs: 35 * 86_400_000,
    pulseAheadMaxMs: 3_600_000,
    windowSeconds: 3_600,
  };
  const options = { batchSize: BATCH_SIZE, shards: 1, dedupeSecret: 'bench', limits };
  return createBatchOpener(options, admission);
}

function takeAll(
  openBatch: ReturnType<typeof createBatchOpener>,
  deliveries: readonly Delivery[],
): number {
  let unadmitted = 0;
  let batch = openBatch();
  const receivedAtMs = Date.now();
  for (const delivery of deliveries) {
    batch.add(delivery, receivedAtMs);
    if (!batch.isFull) continue;
    unadmitted += batch.unadmitted.length;
    batch = openBatch();
  }
  return unadmitted + batch.unadmitted.length;
}

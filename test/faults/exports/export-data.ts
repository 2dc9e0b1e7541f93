/** What a round of exports exports, and what is written meanwhile. */
import type { Pool } from 'pg';
import { sleep } from '../../../src/platform/backoff.ts';
import type { Random } from '../../../src/populate/random.ts';
import { between, pick } from '../fault.ts';

export const TENANTS = ['north', 'south', 'east'];
/** The customers that are told about exports, by tenant; one tenant belongs to nobody. */
export const CUSTOMERS: Readonly<Record<string, string>> = { north: 'c-north', south: 'c-south' };

const PULSES = 45_000;
const HOUR = '2026-03-05T10:00:00Z';
const TENANT_OF = `(ARRAY['${TENANTS.join("','")}'])[1 + n % ${TENANTS.length}]`;
const CUSTOMER_OF = `(ARRAY['${Object.values(CUSTOMERS).join("','")}'])[1 + n % 2]`;

/** Texts with what CSV and JSON must escape. */
export const FILL = `
  INSERT INTO customers (id, name, tenant)
    VALUES ${Object.entries(CUSTOMERS)
      .map(([tenant, id]) => `('${id}', 'Acme', '${tenant}')`)
      .join()};
  SELECT ensure_pulses_partitions('${HOUR}', '${HOUR}'::timestamptz + interval '12 hours');
  WITH batch AS (
    INSERT INTO flush_batches (id, shard, row_count, pulse_count, window_min, window_max, opened_at)
    VALUES (gen_random_uuid(), 0, ${PULSES}, ${PULSES}, '${HOUR}', '${HOUR}', now()) RETURNING id)
  INSERT INTO pulses (tenant, product_sku, use_unity, used_amount, pulse_count, window_start, flush_batch_id)
    SELECT ${TENANT_OF}, 'sku "' || n % 40 || '", größer', (ARRAY['GB', 'h'])[1 + n % 2], n % 1000 / 8.0 + 0.001, 1 + n % 9,
      '${HOUR}'::timestamptz + make_interval(hours => n % 12), id
    FROM batch, generate_series(1, ${PULSES}) AS n;
  INSERT INTO orders (id, customer_id, tenant, status, currency, created_by)
    SELECT gen_random_uuid(), ${CUSTOMER_OF}, ${CUSTOMER_OF.replace('c-north', 'north').replace('c-south', 'south')},
      'pending', 'EUR', 'test' FROM generate_series(1, 2000) AS n;
  INSERT INTO order_items (order_id, position, sku, qty) SELECT id, 0, E'a\\nb', 3 FROM orders;
  INSERT INTO order_changes (order_id, version, status, reason) SELECT id, 1, 'pending', 'created' FROM orders;
  INSERT INTO subscriptions (id, user_id, sku, status, applied_number)
    SELECT gen_random_uuid(), ${CUSTOMER_OF}, 'plan', 'active', 1 FROM generate_series(1, 1000) AS n;
  INSERT INTO subscription_changes (subscription_id, number, kind, effective_at, cause, changed_by)
    SELECT id, 1, 'purchased', now(), 'api', 'test' FROM subscriptions;
  INSERT INTO dead_letters (id, reason, detail, body, tenant)
    SELECT gen_random_uuid(), 'malformed_json', 'It is no JSON.', decode(md5(n::text), 'hex'), ${TENANT_OF}
    FROM generate_series(1, 500) AS n`;

/** Commits rows with instants of before and after the exports' `as_of`, some of them late. */
export async function writeMore(pool: Pool, random: Random): Promise<void> {
  const client = await pool.connect();
  const onError = (): void => undefined;
  client.on('error', onError);
  try {
    await client.query('BEGIN');
    await client.query(ORDER, [pick(Object.keys(CUSTOMERS), random)]);
    await client.query(BATCH, [pick(TENANTS, random)]);
    await sleep(between(0, 400, random));
    await client.query('COMMIT');
    client.off('error', onError).release();
  } catch (error) {
    client.release(true);
    throw error;
  }
}

const ORDER = `
  WITH made AS (
    INSERT INTO orders (id, customer_id, tenant, status, currency, created_by)
    VALUES (gen_random_uuid(), 'c-' || $1, $1, 'pending', 'EUR', 'test') RETURNING id),
  changed AS (
    UPDATE orders SET status = 'failed', version = version + 1 WHERE id =
      (SELECT id FROM orders WHERE status = 'pending' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, version)
  INSERT INTO order_changes (order_id, version, status, reason)
    SELECT id, 1, 'pending', 'created' FROM made UNION ALL SELECT id, version, 'failed', 'test' FROM changed`;

const BATCH = `
  WITH batch AS (
    INSERT INTO flush_batches (id, shard, row_count, pulse_count, window_min, window_max, opened_at)
    VALUES (gen_random_uuid(), 0, 30, 30, '${HOUR}', '${HOUR}', now()) RETURNING id)
  INSERT INTO pulses (tenant, product_sku, use_unity, used_amount, pulse_count, window_start, flush_batch_id)
    SELECT $1, 'late', 'GB', n, 1, '${HOUR}', id FROM batch, generate_series(1, 30) AS n`;

/** The report `pulses`: single rows of table pulses, by id. */
import { SKU_LENGTH_MAX, TENANT_LENGTH_MAX, UNIT_LENGTH_MAX } from '../contract/rules.ts';
import { sqlInstant } from '../http/report.ts';
import { rowsReport } from '../http/rows-report.ts';
import { textSchema } from '../http/text-schema.ts';

const FROM = 'FROM pulses p JOIN flush_batches b ON b.id = p.flush_batch_id';

export const pulsesReport = rowsReport({
  name: 'pulses',
  description: 'A row as `GET /pulses` lists it: what one flush added to a window.',
  cameAt: 'b.flushed_at',
  tenant: 'p.tenant',
  filters: {
    tenant: ['p.tenant', textSchema(TENANT_LENGTH_MAX, 'Only this tenant, compared exactly.')],
    product_sku: ['p.product_sku', textSchema(SKU_LENGTH_MAX, 'Only this SKU, compared exactly.')],
    use_unity: ['p.use_unity', textSchema(UNIT_LENGTH_MAX, 'Only this unit, compared exactly.')],
  },
  span: ['p.window_start', 'windows that start'],
  columns: {
    id: 'text',
    tenant: 'text',
    product_sku: 'text',
    use_unity: 'text',
    used_amount: 'text',
    pulse_count: 'number',
    window_start: 'text',
    flush_batch_id: 'text',
    flushed_at: 'text',
  },
  select: (where) =>
    `SELECT p.id::text, p.tenant, p.product_sku, p.use_unity,
        trim_scale(p.used_amount)::text AS used_amount, p.pulse_count,
        ${sqlInstant('p.window_start')} AS window_start, p.flush_batch_id::text,
        ${sqlInstant('b.flushed_at')} AS flushed_at
      ${FROM} ${where} ORDER BY p.id`,
  sums: (where) =>
    `SELECT p.use_unity AS unit, trim_scale(sum(p.used_amount))::text AS total
      ${FROM} ${where} GROUP BY p.use_unity ORDER BY p.use_unity`,
});

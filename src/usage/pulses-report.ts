/** The report `pulses`: single rows of table pulses, by id. */
import { Type, type Static } from 'typebox';
import { SKU_LENGTH_MAX, TENANT_LENGTH_MAX, UNIT_LENGTH_MAX } from '../contract/rules.ts';
import { tenantsOf } from '../core/tenant-scope.ts';
import { spanFrom } from '../http/instants.ts';
import {
  spanConditions,
  spanParameters,
  sqlInstant,
  sqlWhere,
  type Report,
} from '../http/report.ts';
import { textSchema } from '../http/text-schema.ts';

const Parameters = Type.Object(
  {
    tenant: Type.Optional(textSchema(TENANT_LENGTH_MAX, 'Only this tenant, compared exactly.')),
    product_sku: Type.Optional(textSchema(SKU_LENGTH_MAX, 'Only this SKU, compared exactly.')),
    use_unity: Type.Optional(textSchema(UNIT_LENGTH_MAX, 'Only this unit, compared exactly.')),
    ...spanParameters('windows that start'),
  },
  { additionalProperties: false },
);

const FROM = 'FROM pulses p JOIN flush_batches b ON b.id = p.flush_batch_id';

export const pulsesReport: Report = {
  name: 'pulses',
  description: 'A row as `GET /pulses` lists it: what one flush added to a window.',
  parameters: Parameters,
  ask(given, { scope, asOf }) {
    const parameters = given as Static<typeof Parameters>;
    const where = sqlWhere([
      ['b.flushed_at <= ?::timestamptz', asOf],
      ['p.tenant = ANY(?::text[])', tenantsOf(scope)],
      ['p.tenant = ?', parameters.tenant],
      ['p.product_sku = ?', parameters.product_sku],
      ['p.use_unity = ?', parameters.use_unity],
      ...spanConditions('p.window_start', spanFrom(parameters)),
    ]);
    return Promise.resolve({
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
      select: {
        text: `SELECT p.id::text, p.tenant, p.product_sku, p.use_unity,
            trim_scale(p.used_amount)::text AS used_amount, p.pulse_count,
            ${sqlInstant('p.window_start')} AS window_start, p.flush_batch_id::text,
            ${sqlInstant('b.flushed_at')} AS flushed_at
          ${FROM} ${where.text} ORDER BY p.id`,
        values: where.values,
      },
      sums: {
        text: `SELECT p.use_unity AS unit, trim_scale(sum(p.used_amount))::text AS total
          ${FROM} ${where.text} GROUP BY p.use_unity ORDER BY p.use_unity`,
        values: where.values,
      },
    });
  },
};

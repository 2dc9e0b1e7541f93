/** The report `dead-letters`: the quarantine as it stands when the file is written, oldest first. */
import { Type } from 'typebox';
import { sqlInstant } from '../http/report.ts';
import { rowsReport } from '../http/rows-report.ts';
import { textSchema } from '../http/text-schema.ts';
import { DEAD_LETTER_STATES } from './quarantine.ts';

export const deadLettersReport = rowsReport({
  name: 'dead-letters',
  description:
    'A dead letter with the body that a replay would send, in base64. Those received after `as_of` are left out; ' +
    'the others appear in the state that they have when the file is written.',
  cameAt: 'received_at',
  tenant: 'tenant',
  filters: {
    state: [
      'state',
      Type.Enum([...DEAD_LETTER_STATES], { description: 'Only dead letters in this state.' }),
    ],
    reason: ['reason', textSchema(64, 'Only dead letters with this reason.')],
    tenant: ['tenant', textSchema(128, 'Only dead letters that name this tenant.')],
  },
  span: ['received_at', 'dead letters received'],
  columns: {
    id: 'text',
    state: 'text',
    reason: 'text',
    detail: 'text',
    tenant: 'text',
    message_id: 'text',
    queue: 'text',
    pulse_index: 'number',
    exchange: 'text',
    routing_key: 'text',
    redelivered: 'boolean',
    received_at: 'text',
    is_fixed: 'boolean',
    body_base64: 'text',
  },
  select: (where) =>
    `SELECT id::text, state, reason, detail, tenant, message_id, queue, pulse_index, exchange, routing_key,
        redelivered, ${sqlInstant('received_at')} AS received_at, fixed_body IS NOT NULL AS is_fixed,
        translate(encode(coalesce(fixed_body, body), 'base64'), E'\\n', '') AS body_base64
      FROM dead_letters ${where} ORDER BY dead_letters.received_at, id`,
});

/** The report `dead-letters`: the quarantine as it stands when the file is written, oldest first. */
import { Type, type Static } from 'typebox';
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
import { DEAD_LETTER_STATES } from './quarantine.ts';

const Parameters = Type.Object(
  {
    state: Type.Optional(
      Type.Enum([...DEAD_LETTER_STATES], { description: 'Only dead letters in this state.' }),
    ),
    reason: Type.Optional(textSchema(64, 'Only dead letters with this reason.')),
    tenant: Type.Optional(textSchema(128, 'Only dead letters that name this tenant.')),
    ...spanParameters('dead letters received'),
  },
  { additionalProperties: false },
);

export const deadLettersReport: Report = {
  name: 'dead-letters',
  description:
    'A dead letter with the body that a replay would send, in base64. Those received after `as_of` are left out; ' +
    'the others appear in the state that they have when the file is written.',
  parameters: Parameters,
  ask(given, { scope, asOf }) {
    const parameters = given as Static<typeof Parameters>;
    const { text, values } = sqlWhere([
      ['received_at <= ?::timestamptz', asOf],
      ['tenant = ANY(?::text[])', tenantsOf(scope)],
      ['state = ?', parameters.state],
      ['reason = ?', parameters.reason],
      ['tenant = ?', parameters.tenant],
      ...spanConditions('received_at', spanFrom(parameters)),
    ]);
    return Promise.resolve({
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
      select: {
        text: `SELECT id::text, state, reason, detail, tenant, message_id, queue, pulse_index, exchange, routing_key,
            redelivered, ${sqlInstant('received_at')} AS received_at, fixed_body IS NOT NULL AS is_fixed,
            translate(encode(coalesce(fixed_body, body), 'base64'), E'\\n', '') AS body_base64
          FROM dead_letters ${text} ORDER BY dead_letters.received_at, id`,
        values,
      },
    });
  },
};

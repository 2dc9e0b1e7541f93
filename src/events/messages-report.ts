/** The report `messages`: messages of clients, in the order in which they were stored. */
import { Type, type Static } from 'typebox';
import { tenantOfCustomer } from '../catalog/catalog.ts';
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
    producer: Type.Optional(textSchema(128, 'Only events of this producer.')),
    client: Type.Optional(textSchema(128, 'Only messages of this customer.')),
    type: Type.Optional(textSchema(128, 'Only events of this type.')),
    ...spanParameters('messages stored'),
  },
  { additionalProperties: false },
);

export const messagesReport: Report = {
  name: 'messages',
  description: 'A message as `GET /messages` lists it, with its data as it was sent.',
  parameters: Parameters,
  ask(given, { scope, asOf }) {
    const parameters = given as Static<typeof Parameters>;
    const { text, values } = sqlWhere([
      ['stored_at <= ?::timestamptz', asOf],
      [`${tenantOfCustomer('client')} = ANY(?::text[])`, tenantsOf(scope)],
      ['producer = ?', parameters.producer],
      ['client = ?', parameters.client],
      ['type = ?', parameters.type],
      ...spanConditions('stored_at', spanFrom(parameters)),
    ]);
    return Promise.resolve({
      columns: {
        producer: 'text',
        id: 'text',
        type: 'text',
        type_version: 'number',
        client: 'text',
        number: 'number',
        timestamp: 'text',
        stored_at: 'text',
        data: 'json',
      },
      select: {
        text: `SELECT producer, id, type, type_version, client, number,
            ${sqlInstant('occurred_at')} AS "timestamp", ${sqlInstant('stored_at')} AS stored_at, data
          FROM messages ${text} ORDER BY messages.stored_at, producer, id`,
        values,
      },
    });
  },
};

/** The report `messages`: messages of clients, in the order in which they were stored. */
import { tenantOfCustomer } from '../catalog/catalog.ts';
import { sqlInstant } from '../http/report.ts';
import { rowsReport } from '../http/rows-report.ts';
import { textSchema } from '../http/text-schema.ts';

export const messagesReport = rowsReport({
  name: 'messages',
  description: 'A message as `GET /messages` lists it, with its data as it was sent.',
  cameAt: 'stored_at',
  tenant: tenantOfCustomer('client'),
  filters: {
    producer: ['producer', textSchema(128, 'Only events of this producer.')],
    client: ['client', textSchema(128, 'Only messages of this customer.')],
    type: ['type', textSchema(128, 'Only events of this type.')],
  },
  span: ['stored_at', 'messages stored'],
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
  select: (where) =>
    `SELECT producer, id, type, type_version, client, number,
        ${sqlInstant('occurred_at')} AS "timestamp", ${sqlInstant('stored_at')} AS stored_at, data
      FROM messages ${where} ORDER BY messages.stored_at, producer, id`,
});

/** GET /audit. */
import { Type } from 'typebox';
import { WITH_TOKEN } from '../http/example-terms.ts';
import { page } from '../http/page-schema.ts';
import { LIST_PROBLEMS } from '../http/problem-schema.ts';
import { instant, nullable, querySchema } from '../http/schema-terms.ts';
import { textSchema } from '../http/text-schema.ts';
import { AUDIT_ACTIONS } from './audit.ts';
import { paging } from './schema-terms.ts';

const ACTOR_LENGTH_MAX = 128;
const SUBJECT_LENGTH_MAX = 2_048;

const AuditEntrySchema = Type.Object(
  {
    id: Type.String({ description: 'The number of the entry.' }),
    at: instant('When it was written.'),
    action: Type.String({ description: 'What was done or tried, such as `key created`.' }),
    actor: nullable('Who: a username, or `key:` and the id of a key. Null: nobody who is known.'),
    via: Type.Enum(['api', 'command_line'], { description: 'Where it was done.' }),
    address: nullable('The address of the client. Null: the command line.'),
    request_id: nullable('The request, as in the application log. Null: the command line.'),
    subject: nullable('What it was done to: a username, the id of a key, or a route.'),
    details: Type.Record(Type.String(), Type.Unknown(), {
      description: 'More, by action: rights, a reason, how many equal refusals.',
    }),
  },
  { title: 'AuditEntry', description: 'One line of the audit log.' },
);

export const listAuditSchema = {
  operationId: 'listAudit',
  tags: ['auth'],
  summary: 'Lists the audit log, newest first',
  description:
    'All filters must match, exactly. Page by page: `next`, also in `Link`, leads to the next page. A search that ' +
    'takes more than 5 seconds gets 503: narrow it down with `from` and `to`.',
  curl: `curl -s "$API/audit?action=login%20accepted&limit=10" ${WITH_TOKEN}`,
  querystring: querySchema({
    actor: Type.Optional(textSchema(ACTOR_LENGTH_MAX, 'Only what this actor did.')),
    action: Type.Optional(Type.Enum([...AUDIT_ACTIONS], { description: 'Only this.' })),
    subject: Type.Optional(textSchema(SUBJECT_LENGTH_MAX, 'Only what was done to this.')),
    from: Type.Optional(instant('Only what was written since then.')),
    to: Type.Optional(instant('Only what was written before.')),
    ...paging,
  }),
  response: { 200: page(AuditEntrySchema), ...LIST_PROBLEMS },
};

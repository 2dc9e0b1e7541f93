/** The interface of workflows over HTTP. */
import { Type } from 'typebox';
import { SpreadsheetParameter } from '../http/csv.ts';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { cursorPaging, page, spanParameters } from '../http/page-schema.ts';
import { problemResponses } from '../http/problem-schema.ts';
import { instant, nullable, nullableInstant, querySchema, uuid } from '../http/schema-terms.ts';
import { textSchema } from '../http/text-schema.ts';
import { STEPS_MAX, WORKFLOW_STATUSES } from './workflows.ts';

const STEP_LENGTH_MAX = 128;
const CLIENT_LENGTH_MAX = 128;

const status = Type.Enum([...WORKFLOW_STATUSES], {
  description: '`inserted`: it waits in the queue. `consumed`: its CSV is there.',
});
const step = textSchema(STEP_LENGTH_MAX, 'The name of a step.');

const EXAMPLE = {
  data: [
    { sku: 'vm.small', hours: 730, price: { amount: 0.01, currency: 'USD' } },
    { sku: 'disk', hours: 730, price: { amount: 0.0002, currency: 'USD' } },
  ],
  steps: ['price', 'invoice'],
};

const NewWorkflowBody = Type.Object(
  {
    data: Type.Unknown({
      description: 'Any JSON value. Numbers keep every digit they were written with.',
    }),
    steps: Type.Array(step, {
      minItems: 1,
      maxItems: STEPS_MAX,
      description: 'What its consumer is to do with it.',
    }),
    client: Type.Optional(
      textSchema(
        CLIENT_LENGTH_MAX,
        'The id of a customer, who gets the event `workflow.consumed` when that happens.',
      ),
    ),
  },
  { additionalProperties: false, required: ['data', 'steps'], examples: [EXAMPLE] },
);

const WorkflowSchema = Type.Object(
  {
    uuid: Type.String({ format: 'uuid' }),
    status,
    data: Type.Unknown({ description: 'As it was sent; numbers keep every digit.' }),
    steps: Type.Array(Type.String()),
    client: nullable('The customer who is told when it is consumed.'),
    created_by: Type.String(),
    created_at: instant('When it was first inserted.'),
    consumed_at: nullableInstant('Null unless it is consumed.'),
    consumed_by: nullable('Null unless it is consumed.'),
  },
  { title: 'Workflow', description: 'Data that waits in a queue until somebody consumes it.' },
);

const WorkflowParams = Type.Object({
  uuid: uuid('The id of a workflow.'),
});

const CsvQuery = querySchema({ spreadsheet: SpreadsheetParameter });

const ListWorkflowsQuery = querySchema({
  status: Type.Optional(status),
  step: Type.Optional(textSchema(STEP_LENGTH_MAX, 'Only workflows that have this step.')),
  ...spanParameters('workflows inserted'),
  ...cursorPaging(),
});

const tags = ['workflows'];
const INSERT = `curl -s "$API/workflow" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '${JSON.stringify(EXAMPLE)}'`;
const INSERTED = `ID=$(${INSERT} | jq -r .uuid)`;
const CONSUME_ONE = (more = '') =>
  `curl -s -X PATCH "$API/workflow/$ID" ${WITH_TOKEN} ${WITH_JSON} -d '{"status": "consumed"}'${more}`;

const csvFile = (description: string) => ({
  description,
  content: { 'text/csv': { schema: Type.String() } },
});

export const insertWorkflowSchema = {
  operationId: 'insertWorkflow',
  tags,
  summary: 'Inserts a workflow',
  description:
    'Into the database, and from there into the queue. Send an `Idempotency-Key` to be able to repeat the request.',
  curl: INSERT,
  body: NewWorkflowBody,
  response: {
    201: WorkflowSchema,
    ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503),
  },
};

export const changeWorkflowSchema = {
  operationId: 'changeWorkflow',
  tags,
  summary: 'Changes the status of a workflow',
  description:
    '`consumed` stores its CSV, and its message in the queue is skipped. `inserted` puts it back into the queue, and its ' +
    'CSV is gone until it is consumed again. A workflow that has the status already stays as it is.',
  curl: `${INSERTED}
${CONSUME_ONE()}`,
  params: WorkflowParams,
  body: Type.Object(
    { status },
    { additionalProperties: false, examples: [{ status: 'consumed' }] },
  ),
  response: {
    200: WorkflowSchema,
    ...problemResponses(400, 401, 403, 404, 409, 413, 415, 429, 500, 503),
  },
};

export const listWorkflowsSchema = {
  operationId: 'listWorkflows',
  tags,
  summary: 'Lists workflows, newest first',
  description:
    'A caller sees a workflow if it may see all of its tenants. A page ends early when its data is large; `next`, also in `Link`, leads ' +
    'to the next page.',
  curl: `curl -s "$API/workflow?status=inserted" ${WITH_TOKEN}`,
  querystring: ListWorkflowsQuery,
  response: {
    200: page(WorkflowSchema),
    ...problemResponses(400, 401, 403, 429, 500, 503),
  },
};

export const consumeWorkflowSchema = {
  operationId: 'consumeWorkflow',
  tags,
  summary: 'Consumes the next workflow of the queue',
  description:
    'Answers with the CSV of its data; `Content-Location` has its id. Each workflow goes to one caller. If the answer is ' +
    'lost on its way, the workflow is consumed all the same, and `GET /workflow/{uuid}/csv` still returns the file. The ' +
    'queue belongs to no tenant, so the caller must be one of all tenants.',
  curl: `curl -s "$API/workflow/consume" ${WITH_TOKEN}`,
  querystring: CsvQuery,
  response: {
    200: csvFile('The data as CSV.'),
    204: Type.Null({ description: 'The queue is empty.' }),
    ...problemResponses(400, 401, 403, 429, 500, 503),
  },
};

export const getWorkflowSchema = {
  operationId: 'getWorkflow',
  tags,
  summary: 'Shows a workflow',
  description: 'With its data as it was sent.',
  curl: `${INSERTED}
curl -s "$API/workflow/$ID" ${WITH_TOKEN}`,
  params: WorkflowParams,
  response: { 200: WorkflowSchema, ...problemResponses(400, 401, 403, 404, 429, 500, 503) },
};

export const getWorkflowCsvSchema = {
  operationId: 'getWorkflowCsv',
  tags,
  summary: 'Downloads the CSV of a consumed workflow',
  description: 'The same bytes as when it was consumed.',
  curl: `${INSERTED}
${CONSUME_ONE(' > /dev/null')}
curl -s "$API/workflow/$ID/csv" ${WITH_TOKEN}`,
  params: WorkflowParams,
  querystring: CsvQuery,
  response: {
    200: csvFile('The data as CSV.'),
    ...problemResponses(400, 401, 403, 404, 409, 429, 500, 503),
  },
};

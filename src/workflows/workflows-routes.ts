/** Workflows over HTTP. */
import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { mayActFor } from '../catalog/catalog.ts';
import { shareOf } from '../core/tenant-scope.ts';
import type { Api, ApiModule } from '../http/api-module.ts';
import { actorNameOf, OPERATORS, READERS } from '../http/caller.ts';
import { checkedCursor } from '../http/cursor.ts';
import { objectText, pageText, writeWith } from '../http/exact-answers.ts';
import { createIdempotencyKeys, toKeyedRequest } from '../http/idempotency-keys.ts';
import { spanFrom } from '../http/instants.ts';
import { nextLink } from '../http/page-links.ts';
import { PAGE_LIMIT_DEFAULT } from '../http/page-schema.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError } from '../http/problems.ts';
import { setReplayed } from '../http/change-outcome.ts';
import { requestOrigin, toPublication } from '../messaging/message.ts';
import { writeToOutbox } from '../messaging/outbox.ts';
import { createFairTurns, type FairTurns } from '../platform/fair-turns.ts';
import {
  connectionsOf,
  readAsTenants,
  type ScopedPool,
  workAsOwner,
} from '../platform/scoped-postgres.ts';
import type { Tracing } from '../platform/tracing.ts';
import { consume, insertAgain, tableOf } from './change-status.ts';
import { consumeNext, type ConsumeDeps } from './consume-next.ts';
import { tableToCsv } from './data-csv.ts';
import { readData } from './workflow-data.ts';
import { describeWorkflowQueues } from './workflows-asyncapi.ts';
import { refuseQuota, refuseTooMany, type KeptBytesMax } from './workflows-limits.ts';
import { WORKFLOW_PROBLEMS } from './workflows-problems.ts';
import {
  insertWorkflow,
  listWorkflows,
  lockWorkflow,
  readCsv,
  readWorkflow,
} from './workflows-query.ts';
import { insertedMessage } from './workflows-queues.ts';
import {
  changeWorkflowSchema,
  consumeWorkflowSchema,
  getWorkflowCsvSchema,
  getWorkflowSchema,
  insertWorkflowSchema,
  listWorkflowsSchema,
} from './workflows-schema.ts';
import { toWorkflowJson, type Workflow } from './workflows.ts';

export interface WorkflowsModuleDeps extends Omit<ConsumeDeps, 'actor' | 'pool'> {
  readonly pool: ScopedPool;
  readonly tracing: Tracing;
  readonly keptBytesMax?: KeptBytesMax;
}

const BODY_BYTES_MAX = 1024 * 1024;
/** Of data in one answer. */
const PAGE_BYTES_MAX = 8 * 1024 * 1024;
/** Making CSV takes memory and CPU time, and a connection to Postgres if it consumes. */
const CSV_MAKERS = {
  runningMax: 4,
  runningMaxPerShare: 2,
  waitingMaxPerShare: 100,
  waitMs: 10_000,
};

export function createWorkflowsModule(deps: WorkflowsModuleDeps): ApiModule {
  const turns = createFairTurns(CSV_MAKERS);
  return {
    tag: { name: 'workflows', description: 'Data that waits in a queue, and becomes a CSV file.' },
    problems: WORKFLOW_PROBLEMS,
    queues: describeWorkflowQueues(deps.prefix),
    atRoot: true,
    addRoutes(api) {
      addInsertion(api, deps);
      addChange(api, { ...deps, turns });
      addConsumption(api, { ...deps, turns });
      addReads(api, { ...deps, turns });
    },
  };
}

interface CsvMakerDeps extends WorkflowsModuleDeps {
  readonly turns: FairTurns;
}

const WRITE = { roles: OPERATORS } as const;
const READ = { roles: READERS } as const;
const WORKFLOW = { serializerCompiler: writeWith(objectText) } as const;

function addInsertion(api: Api, deps: WorkflowsModuleDeps): void {
  const { pool, prefix, tracing, onStep } = deps;
  const keys = createIdempotencyKeys(pool);
  const config = { ...WRITE, keepsBodyText: true } as const;
  api.post(
    '/workflow',
    { schema: insertWorkflowSchema, config, bodyLimit: BODY_BYTES_MAX, ...WORKFLOW },
    async (request, reply) => {
      const { user, body, bodyText } = request;
      const data = await readData(bodyText, body);
      if (!data.ok) throw invalidField(data.fault.field, data.fault.message);
      await refuseForeignClient(pool, request, body.client);
      const keyed = toKeyedRequest(request, ['POST /workflow', bodyText]);
      const { answer, replayed } = await keys(user.tenants).once(keyed, async (client) => {
        await refuseTooMany(client, shareOf(user.tenants));
        await refuseQuota(client, shareOf(user.tenants), deps.keptBytesMax);
        const id = randomUUID();
        const { steps, client: toTell } = body;
        const createdBy = actorNameOf(user);
        const workflow = { id, dataText: data.text, steps, client: toTell, createdBy };
        const message = insertedMessage(prefix, { id, round: 1 });
        const origin = requestOrigin(request, tracing);
        await writeToOutbox(client, toPublication(message, origin, Date.now()));
        // Last, because it locks the sum of what its share keeps.
        await insertWorkflow(client, user.tenants, workflow);
        onStep('written');
        return { id };
      });
      onStep('committed');
      if (replayed) setReplayed(request, reply);
      void reply.code(201).header('location', `${api.prefix}/workflow/${answer.id}`);
      return toWorkflowJson(await findVisible(pool, request, answer.id));
    },
  );
}

/** @throws ProblemError 404 The caller may not name this customer. */
async function refuseForeignClient(
  pool: ScopedPool,
  { user }: FastifyRequest,
  id: string | undefined,
): Promise<void> {
  if (id === undefined || (await mayActFor(pool, user.tenants, id))) return;
  throw notFound('There is no customer with the id in `client` among your tenants.');
}

function addChange(api: Api, deps: CsvMakerDeps): void {
  const { pool, prefix, tracing, turns } = deps;
  const options = { schema: changeWorkflowSchema, config: WRITE, ...WORKFLOW };
  api.patch('/workflow/:uuid', options, async (request) => {
    const { uuid: id } = request.params;
    const { status } = request.body;
    await findVisible(pool, request, id);
    const origin = requestOrigin(request, tracing);
    const actor = actorNameOf(request.user);
    const change = () =>
      workAsOwner(pool, request.user.tenants, async (client) => {
        const workflow = await lockWorkflow(client, id);
        if (workflow === undefined) return undefined;
        if (workflow.status === status) {
          request.changesNothing = true;
          return workflow;
        }
        const context = { client, prefix, origin, actor };
        if (status === 'consumed') {
          await refuseQuota(client, workflow.share, deps.keptBytesMax);
          return (await consume(context, workflow)).workflow;
        }
        if (!workflow.isQueued) await refuseTooMany(client, workflow.share);
        return insertAgain(context, workflow);
      });
    const changed = await turns.run(shareOf(request.user.tenants), change);
    if (changed === undefined) throw notFound();
    return toWorkflowJson(changed);
  });
}

function addConsumption(api: Api, deps: CsvMakerDeps): void {
  const { turns } = deps;
  const config = { ...WRITE, allTenants: true, getChanges: true } as const;
  // HEAD would consume one as well. Without a route it would be `HEAD /workflow/:uuid`.
  api.head('/workflow/consume', { schema: { hide: true }, config }, (_request, reply) => {
    void reply.header('allow', 'GET');
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_METHOD_NOT_ALLOWED, { detail: 'Allowed: GET.' });
  });
  api.get(
    '/workflow/consume',
    { schema: consumeWorkflowSchema, config, exposeHeadRoute: false },
    async (request, reply) => {
      const { user, log } = request;
      const actor = actorNameOf(user);
      const consumed = await turns.run(shareOf(user.tenants), () =>
        consumeNext({ ...deps, pool: connectionsOf(deps.pool, user.tenants), actor }),
      );
      if (consumed === undefined) return reply.code(204).send(null);
      const { workflow, csv } = consumed;
      log.info({ workflow: workflow.id, actor }, 'workflow consumed');
      void reply.header('content-location', `${api.prefix}/workflow/${workflow.id}/csv`);
      return sendCsv(reply, workflow, await csvFor(request, { turns, workflow, csv }));
    },
  );
}

function addReads(api: Api, { pool, turns }: CsvMakerDeps): void {
  const list = {
    schema: listWorkflowsSchema,
    config: READ,
    serializerCompiler: writeWith(pageText),
  };
  api.get('/workflow', list, async (request, reply) => {
    const { limit = PAGE_LIMIT_DEFAULT, after, status, step, ...span } = request.query;
    const page = { limit, after: checkedCursor(after), bytesMax: PAGE_BYTES_MAX };
    const filters = { status, step, ...spanFrom(span) };
    const { data, next } = await readAsTenants(pool, request.user.tenants, (client) =>
      listWorkflows(client, filters, page),
    );
    if (next !== null) {
      const parameters = { ...request.query, limit, after: next };
      void reply.header('link', nextLink(`${api.prefix}/workflow`, parameters));
    }
    return { data: data.map(toWorkflowJson), next };
  });

  const one = { schema: getWorkflowSchema, config: READ, ...WORKFLOW };
  api.get('/workflow/:uuid', one, async (request) =>
    toWorkflowJson(await findVisible(pool, request, request.params.uuid)),
  );

  const file = { schema: getWorkflowCsvSchema, config: READ };
  api.get('/workflow/:uuid/csv', file, async (request, reply) => {
    const { uuid: id } = request.params;
    const { workflow, csv } = await readAsTenants(pool, request.user.tenants, async (client) => ({
      workflow: await readWorkflow(client, id),
      csv: await readCsv(client, id),
    }));
    if (workflow === undefined) throw notFound();
    if (csv === undefined) {
      throw new ProblemError(WORKFLOW_PROBLEMS.PULSE_API_WORKFLOW_NOT_CONSUMED, {
        detail: 'It has a CSV once it is consumed. GET /workflow/consume consumes the next one.',
      });
    }
    return sendCsv(reply, workflow, await csvFor(request, { turns, workflow, csv }));
  });
}

/** @throws ProblemError 404 The caller may not see it, or it does not exist. */
async function findVisible(
  pool: ScopedPool,
  { user }: FastifyRequest,
  id: string,
): Promise<Workflow> {
  const found = await readAsTenants(pool, user.tenants, (client) => readWorkflow(client, id));
  if (found === undefined) throw notFound();
  return found;
}

function notFound(detail = 'There is no workflow with this id.'): ProblemError {
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, { detail });
}

type Reply = FastifyReply<{ Reply: unknown }>;

/** The CSV as it is stored, or as the caller asks for it. */
function csvFor(
  { user, query }: FastifyRequest<{ Querystring: { spreadsheet?: 'true' | 'false' } }>,
  { turns, workflow, csv }: { turns: FairTurns; workflow: Workflow; csv: string },
): string | Promise<string> {
  if (query.spreadsheet !== 'true') return csv;
  return turns.run(shareOf(user.tenants), async () =>
    tableToCsv(await tableOf(workflow.dataText), { isForSpreadsheet: true }),
  );
}

function sendCsv(reply: Reply, { id }: Workflow, csv: string): FastifyReply {
  return reply
    .header('content-disposition', `attachment; filename="workflow-${id}.csv"`)
    .type('text/csv; charset=utf-8; header=present')
    .send(csv);
}

/** Exports over HTTP: requests, their progress, and files. */
import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { PoolClient } from 'pg';
import { shareOf } from '../core/tenant-scope.ts';
import type { Api, ApiModule } from '../http/api-module.ts';
import { actorNameOf, OPERATORS, READERS } from '../http/caller.ts';
import { checkedCursor } from '../http/cursor.ts';
import { createIdempotencyKeys, toKeyedRequest } from '../http/idempotency-keys.ts';
import { instantFrom } from '../http/instants.ts';
import { nextLink } from '../http/page-links.ts';
import { PAGE_LIMIT_DEFAULT } from '../http/page-schema.ts';
import { invalidField, invalidFields, ProblemError, type FieldProblem } from '../http/problems.ts';
import { setReplayed } from '../http/change-outcome.ts';
import type { Report } from '../http/report.ts';
import { fieldProblems } from '../http/validation.ts';
import { connectionsOf, readAsTenants, type ScopedPool } from '../platform/scoped-postgres.ts';
import { removeFiles } from './export-files.ts';
import { addExportFiles } from './export-files-routes.ts';
import { toExportJson } from './export-json.ts';
import { EXPORT_PROBLEMS } from './exports-problems.ts';
import {
  endExport,
  insertExport,
  listExports,
  lockShare,
  readLoad,
  readNow,
  trimEnded,
  type NewExport,
} from './exports-query.ts';
import {
  createExportSchema,
  deleteExportSchema,
  getExportSchema,
  listExportsSchema,
  type NewExportBody,
} from './exports-schema.ts';
import type { Reports } from './exports.ts';
import type { LinkSigner } from './signed-link.ts';
import { findVisible } from './visible-export.ts';

export interface ExportsModuleDeps {
  readonly pool: ScopedPool;
  readonly reports: Reports;
  readonly windowSeconds: number;
  readonly directory: string;
  readonly quotaBytes: number;
  readonly links: LinkSigner;
}

/** Exports that are queued or running. */
const OPEN_MAX = { ofShare: 20, inAll: 1_000 };
/** Exports of callers with the same tenants that have a file, or will have one. Each takes two files. */
export const FILES_MAX = 10_000;
/** Ended exports of callers with the same tenants that are shown. A file that one still has is swept. */
export const ENDED_MAX = 10_000;
/** More than one, because many expire at once. */
const TRIMMED_AT_A_TIME = 100;

export function createExportsModule(deps: ExportsModuleDeps): ApiModule {
  return {
    tag: { name: 'exports', description: 'Every row of a report, in a file.' },
    problems: EXPORT_PROBLEMS,
    addRoutes(api) {
      addCreation(api, deps);
      addReads(api, deps);
      addExportFiles(api, deps);
    },
  };
}

function addCreation(api: Api, deps: ExportsModuleDeps): void {
  const { pool, reports, links } = deps;
  const keys = createIdempotencyKeys(pool);
  const schema = createExportSchema(reports);
  api.post('/exports', { schema, config: { roles: READERS } }, async (request, reply) => {
    const asked = await toNewExport(deps, request, request.body);
    const keyed = toKeyedRequest(request, request.body);
    const { answer, replayed } = await keys(request.user.tenants).once(keyed, async (client) => {
      const share = shareOf(request.user.tenants);
      await lockShare(client, share);
      await refuseTooMany(client, deps, share);
      await trimEnded(client, share, { kept: ENDED_MAX, limit: TRIMMED_AT_A_TIME });
      return { id: (await insertExport(client, asked)).id };
    });
    if (replayed) setReplayed(request, reply);
    const made = await findVisible(pool, request, answer.id);
    void reply.code(202).header('location', `${api.prefix}/exports/${made.id}`);
    return toExportJson(made, links);
  });
}

async function toNewExport(
  { pool, reports, windowSeconds }: ExportsModuleDeps,
  request: FastifyRequest,
  body: NewExportBody,
): Promise<NewExport> {
  const { report: name, parameters = {}, format = 'csv', gzip = false, spreadsheet = false } = body;
  const report = reports.get(name);
  if (report === undefined) throw invalidField('report', 'must be the name of a report');
  checkParameters(request, report, parameters);
  if (spreadsheet && format !== 'csv') {
    throw invalidField('spreadsheet', 'must be false, because the format is not csv');
  }
  const { tenants: scope } = request.user;
  const now = await readNow(connectionsOf(pool, scope));
  const asOf = body.as_of === undefined ? now : new Date(instantFrom('as_of', body.as_of));
  if (asOf > now) throw invalidField('as_of', 'must not be in the future');
  // What the schema cannot say, such as a span that is empty.
  await readAsTenants(pool, scope, (client) =>
    report.ask(parameters, { client, scope, asOf, windowSeconds }),
  ).catch(nameParameters);
  return {
    id: randomUUID(),
    createdBy: actorNameOf(request.user),
    ...{ scope, report: name, parameters, format, gzip, spreadsheet, asOf },
  };
}

/** @throws ProblemError 400 names the parameters that the schema of the report refuses. */
function checkParameters(request: FastifyRequest, report: Report, parameters: unknown): void {
  const validate = request.compileValidationSchema(report.parameters, 'body');
  if (validate(parameters)) return;
  throw invalidFields(fieldProblems(validate.errors ?? [], PARAMETERS).map(ofParameter));
}

const PARAMETERS = 'parameters';

/** The report names them without knowing where in the body they are. */
function nameParameters(error: unknown): never {
  const { errors } = error instanceof ProblemError ? error.options : {};
  throw errors === undefined ? error : invalidFields(errors.map(ofParameter));
}

function ofParameter({ field, message }: FieldProblem): FieldProblem {
  return { field: field === PARAMETERS ? field : `${PARAMETERS}.${field}`, message };
}

/** @throws ProblemError 409 or 429. */
async function refuseTooMany(
  client: PoolClient,
  { quotaBytes }: ExportsModuleDeps,
  share: string,
): Promise<void> {
  const { ofShare, inAll } = await readLoad(client, share);
  if (ofShare.openCount >= OPEN_MAX.ofShare || inAll.openCount >= OPEN_MAX.inAll) {
    throw new ProblemError(EXPORT_PROBLEMS.PULSE_API_TOO_MANY_EXPORTS, {
      detail: `You may have at most ${OPEN_MAX.ofShare} exports queued or running.`,
      headers: { 'retry-after': '30' },
    });
  }
  const isFull = ofShare.bytes >= quotaBytes / 2 || inAll.bytes >= quotaBytes;
  if (isFull || ofShare.openCount + ofShare.readyCount >= FILES_MAX) {
    const count = isFull ? '' : `You may have at most ${FILES_MAX} exports with a file. `;
    throw new ProblemError(EXPORT_PROBLEMS.PULSE_API_EXPORT_QUOTA, {
      detail: `${count}Delete exports that you have downloaded, or wait until some expire.`,
    });
  }
}

function addReads(api: Api, { pool, links, directory }: ExportsModuleDeps): void {
  const config = { roles: READERS };
  api.get('/exports', { schema: listExportsSchema, config }, async (request, reply) => {
    const { limit = PAGE_LIMIT_DEFAULT, after, ...filters } = request.query;
    const page = { limit, after: checkedCursor(after) };
    const { data, next } = await readAsTenants(pool, request.user.tenants, (client) =>
      listExports(client, filters, page),
    );
    linkToNext(reply, `${api.prefix}/exports`, { ...request.query, limit, after: next });
    return { data: data.map((one) => toExportJson(one, links)), next };
  });

  api.get('/exports/:id', { schema: getExportSchema, config }, async (request) =>
    toExportJson(await findVisible(pool, request, request.params.id), links),
  );

  const cancel = { schema: deleteExportSchema, config: { roles: OPERATORS } };
  api.delete('/exports/:id', cancel, async (request) => {
    const { id } = request.params;
    const known = await findVisible(pool, request, id);
    // It may have become ready since, and by another attempt.
    const ended = (await endExport(connectionsOf(pool, request.user.tenants), id)) ?? known;
    if (ended.state === known.state) request.changesNothing = true;
    if (ended.state === 'expired') await removeFiles(directory, ended);
    return toExportJson(ended, links);
  });
}

function linkToNext(
  reply: FastifyReply<{ Reply: unknown }>,
  path: string,
  { after, ...parameters }: { readonly after: string | null; readonly limit: number },
): void {
  if (after !== null) void reply.header('link', nextLink(path, { ...parameters, after }));
}

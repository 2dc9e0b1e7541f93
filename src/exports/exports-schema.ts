/** POST and GET /exports, their files and manifests. */
import { Type, type Static } from 'typebox';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { cursorPaging } from '../http/page-schema.ts';
import { problemResponses } from '../http/problem-schema.ts';
import type { Report } from '../http/report.ts';
import { instant, nullable, nullableInstant, orNull, querySchema } from '../http/schema-terms.ts';
import { textSchema } from '../http/text-schema.ts';
import { EXPORT_FORMATS, EXPORT_STATES, EXPORT_STEPS, type Reports } from './exports.ts';
import { Manifest } from './manifest.ts';

const EXAMPLE = {
  report: 'usage',
  parameters: { from: '2026-11-01', window: 'day', group_by: ['tenant', 'product_sku'] },
  format: 'csv',
};

/** One alternative for each report, so that the parameters of each are checked and described. */
function newExportBody(reports: Reports) {
  return Type.Object(
    {
      report: Type.Enum([...reports.keys()], { description: 'Which report.' }),
      parameters: Type.Optional(
        Type.Unsafe<Record<string, unknown>>({
          type: 'object',
          description: `The parameters of the report. ${describeReports(reports)}`,
        }),
      ),
      format: Type.Optional(
        Type.Enum([...EXPORT_FORMATS], { description: '`csv`, the default, or `ndjson`.' }),
      ),
      gzip: Type.Optional(Type.Boolean({ description: 'Whether to compress the file.' })),
      spreadsheet: Type.Optional(
        Type.Boolean({
          description:
            'CSV for a spreadsheet: the file begins with a byte order mark, and an apostrophe stands before texts that ' +
            'a spreadsheet would run as formulas. Numbers stay as they are.',
        }),
      ),
      as_of: Type.Optional(
        instant('Rows that came later are left out. Default: the time of the request.'),
      ),
    },
    { additionalProperties: false, examples: [EXAMPLE] },
  );
}
export type NewExportBody = Static<ReturnType<typeof newExportBody>>;

function describeReports(reports: Reports): string {
  return [...reports.values()].map(describeReport).join(' ');
}

function describeReport({ name, description, parameters }: Report): string {
  const names = Object.keys(parameters.properties).map((parameter) => `\`${parameter}\``);
  return `\`${name}\`: ${description} Parameters: ${names.join(', ')}.`;
}

const ExportSchema = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    report: Type.String(),
    parameters: Type.Unknown({ description: 'As they were given.' }),
    format: Type.Enum([...EXPORT_FORMATS]),
    gzip: Type.Boolean(),
    spreadsheet: Type.Boolean(),
    as_of: instant('Rows that came later are left out.'),
    state: Type.Enum([...EXPORT_STATES]),
    steps: Type.Array(
      Type.Object({
        step: Type.Enum([...EXPORT_STEPS]),
        started_at: instant('When it began.'),
        ended_at: nullableInstant('When it ended; null until then.'),
      }),
      { description: 'Of the newest attempt.' },
    ),
    rows_written: Type.Integer({ description: 'So far.' }),
    rows_estimated: orNull(
      Type.Integer(),
      'How many rows Postgres estimates. The estimate may be far off.',
    ),
    rows: orNull(Type.Integer(), 'In the file; null until it is ready.'),
    bytes: orNull(Type.Integer(), 'Of the file.'),
    sha256: nullable('Of the file, in hex.'),
    sums: orNull(
      Type.Record(Type.String(), Type.String()),
      'The sum of `used_amount` for each unit, where the report has amounts.',
    ),
    failure: orNull(
      Type.Object({
        code: Type.String({ description: 'The stable code to program against.' }),
        detail: Type.String({ description: 'What happened, in a sentence.' }),
      }),
      'Why it failed.',
    ),
    download: orNull(
      Type.Object({
        url: Type.String({ description: 'Where to download the file without a token.' }),
        expires_at: instant('When the link expires.'),
      }),
      'A new link in each answer, as long as there is a file.',
    ),
    created_at: instant('When it was requested.'),
    created_by: Type.String(),
    started_at: nullableInstant('When the first attempt began.'),
    ended_at: nullableInstant('When it became ready, failed or was canceled.'),
    expires_at: nullableInstant('When the file is removed.'),
  },
  { title: 'Export', description: 'What was requested, and the progress.' },
);
export type ExportJson = Static<typeof ExportSchema>;

const ExportParams = Type.Object({ id: Type.String({ format: 'uuid' }) });

const ListExportsQuery = querySchema({
  state: Type.Optional(Type.Enum([...EXPORT_STATES], { description: 'Only in this state.' })),
  report: Type.Optional(textSchema(64, 'Only of this report.')),
  ...cursorPaging(),
});

const tags = ['exports'];

export const createExportSchema = (reports: Reports) => ({
  operationId: 'createExport',
  tags,
  summary: 'Requests an export',
  description:
    'Answers at once. The file is written in the background; `Location` is where to follow the progress. The same ' +
    'request with the same `as_of` gives the same bytes. Send an `Idempotency-Key` to be able to repeat the request.',
  curl: `curl -s "$API/exports" ${WITH_TOKEN} ${WITH_JSON} -d '${JSON.stringify(EXAMPLE)}'`,
  body: newExportBody(reports),
  response: {
    202: ExportSchema,
    ...problemResponses(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
  },
});

export const listExportsSchema = {
  operationId: 'listExports',
  tags,
  summary: 'Lists exports',
  description:
    'The newest first. A caller sees an export if it may see all of its tenants. A page ends early when its parameters ' +
    'are large.',
  curl: `curl -s "$API/exports?state=ready" ${WITH_TOKEN}`,
  querystring: ListExportsQuery,
  response: {
    200: Type.Object({
      data: Type.Array(ExportSchema),
      next: nullable('Send it as `after` for the next page; null on the last page.'),
    }),
    ...problemResponses(400, 401, 403, 429, 500, 503),
  },
};

const NEW = `ID=$(curl -s "$API/exports" ${WITH_TOKEN} ${WITH_JSON} -d '{"report": "orders"}' | jq -r .id)`;
const ONE = `${NEW}
curl -s "$API/exports/$ID" ${WITH_TOKEN}`;
const UNTIL_READY = `${NEW}
until [ "$(curl -s "$API/exports/$ID" ${WITH_TOKEN} | jq -r .state)" = ready ]; do sleep 1; done`;
const READY = (path: string) => `${UNTIL_READY}
curl -s "$API/exports/$ID${path}" ${WITH_TOKEN}`;

export const getExportSchema = {
  operationId: 'getExport',
  tags,
  summary: 'Shows an export',
  description:
    'Includes the progress and, once the export is ready, a link to the file that works for 15 minutes.',
  curl: ONE,
  params: ExportParams,
  response: { 200: ExportSchema, ...problemResponses(400, 401, 403, 404, 429, 500, 503) },
};

export const deleteExportSchema = {
  operationId: 'deleteExport',
  tags,
  summary: 'Cancels an export',
  description:
    'The file of an export that is ready is deleted. One that has failed, expired or been canceled stays as it is.',
  curl: ONE.replace('curl -s "$API/exports/$ID', 'curl -s -X DELETE "$API/exports/$ID'),
  params: ExportParams,
  response: { 200: ExportSchema, ...problemResponses(400, 401, 403, 404, 429, 500, 503) },
};

const FILE = {
  description: 'The file.',
  content: Object.fromEntries(
    ['text/csv', 'application/x-ndjson', 'application/gzip'].map((type) => [
      type,
      { schema: Type.String({ description: 'As `format` and `gzip` say.' }) },
    ]),
  ),
};

export const getExportFileSchema = {
  operationId: 'getExportFile',
  tags,
  summary: 'Downloads the file of an export',
  description: '`ETag` is its SHA-256.',
  curl: READY('/file'),
  params: ExportParams,
  response: { 200: FILE, ...problemResponses(400, 401, 403, 404, 409, 429, 500, 503) },
};

export const downloadExportSchema = {
  operationId: 'downloadExport',
  tags,
  summary: 'Downloads the file of an export by a signed link',
  description: 'The link in `download` of an export. It needs no token, and expires.',
  curl: `${UNTIL_READY}
LINK=$(curl -s "$API/exports/$ID" ${WITH_TOKEN} | jq -r .download.url)
curl -s "\${API%/api/v1}$LINK"`,
  params: ExportParams,
  querystring: querySchema({
    fence: Type.Integer({ minimum: 0, maximum: 2_147_483_647 }),
    expires: Type.Integer({ minimum: 0, maximum: 99_999_999_999 }),
    signature: Type.String({ minLength: 43, maxLength: 43 }),
  }),
  response: { 200: FILE, ...problemResponses(400, 403, 404, 409, 429, 500, 503) },
};

export const getManifestSchema = {
  operationId: 'getExportManifest',
  tags,
  summary: 'Shows the manifest of an export',
  description: 'Save it beside the file: `pulse verify-export` checks one against the other.',
  curl: READY('/manifest'),
  params: ExportParams,
  response: { 200: Manifest, ...problemResponses(400, 401, 403, 404, 409, 429, 500, 503) },
};

/** The TypeScript client against the API's own description: no route, parameter or member is missing from it. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPulseClient, type PulseClient } from '../../clients/typescript/src/pulse-client.ts';
import type { Api } from '../../src/http/api-module.ts';
import { createTestApp } from './api-fixture.ts';

/** Routes that the client leaves out, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  live: 'The platform asks it, without a client.',
  ready: 'The platform asks it, without a client.',
  listProblemKinds: 'Pages for people who have met a problem.',
  getProblemKind: 'Pages for people who have met a problem.',
  getExportFile: 'A file; `download.url` gives it to any HTTP client.',
  downloadExport: 'A file; `download.url` gives it to any HTTP client.',
  streamStatus: 'It has no end; a web page reads it with `fetch`.',
  getUsageCsv: 'A file for people; `usage.rows` has the same sums.',
};

const INSTANTS = { from: new Date('2026-03-01T00:00:00Z'), to: '2026-04-01T00:00:00Z' };
const ID = '0198c6f8-0000-7000-8000-000000000001';
const TIERS = { mode: 'volume', steps: [{ up_to: null, unit_amount: '1' }] } as const;
const PAGE = { limit: 7, after: 'cursor' };
const FILTERS = {
  ...INSTANTS,
  ...{ reason: 'sum_overflow', tenant: 'acme', queue: 'orders.enrichment' },
  ...{ pulse_id: 'pulse', message_id: 'one' },
};
const PULSE = { tenant: 'acme', product_sku: 'cpu', use_unity: 'h', used_amount: '1' };

const EVENT_NAMES = { producer: 'billing', type: 'a.b', client: '123' };
const EVENT = { id: 'e-1', ...EVENT_NAMES, data: { total: 1 }, timestamp: INSTANTS.from };

const EXPORT = {
  ...{ report: 'usage', parameters: { window: 'day' } },
  format: 'csv',
  ...{ gzip: false, spreadsheet: true, as_of: INSTANTS.from },
} as const;

const ENDPOINT = {
  ...{ client: '123', url: 'https://example.com/', types: ['a.b'], filter: { kind: 'a' } },
  ...{ description: 'Ours.', fifo: true, rate_per_second: 7 },
  status: 'enabled',
  secret: `whsec_${Buffer.alloc(24).toString('base64')}`,
} as const;

const PASSWORD = 'long enough password';
const RIGHTS = { role: 'viewer', tenants: ['acme'] } as const;

/** For each operation a call that sends all that the route takes. */
const CALLS: Readonly<Record<string, (client: PulseClient) => Promise<unknown>>> = {
  login: (client) => client.login({ username: 'admin', password: 'secret' }),
  getMe: ({ me }) => me.get(),
  changeOwnPassword: ({ me }) =>
    me.changePassword({ current_password: 'a', new_password: PASSWORD }),
  listUsers: ({ users }) => users.page(PAGE),
  addUser: ({ users }) => users.add({ username: 'alice', password: PASSWORD, ...RIGHTS }),
  getUser: ({ users }) => users.get('alice'),
  changeUser: ({ users }) => users.change('alice', { ...RIGHTS, disabled: true }),
  setUserPassword: ({ users }) => users.setPassword('alice', PASSWORD),
  listKeys: ({ keys }) => keys.page(PAGE),
  createKey: ({ keys }) => keys.create({ name: 'meter', ...RIGHTS, expires_in_days: 7 }),
  revokeKey: ({ keys }) => keys.revoke('0123456789abcdef'),
  listAudit: ({ audit }) =>
    audit.page({
      ...{ ...INSTANTS, ...PAGE, actor: 'alice', action: 'key created', subject: 'x' },
    }),
  sendPulses: (client) => client.send([PULSE]),
  listPulses: ({ pulses }) =>
    pulses.list({
      ...{ ...INSTANTS, page: 2, limit: 5 },
      ...{ tenant: 'acme', product_sku: 'cpu', use_unity: 'h' },
    }),
  startPopulate: ({ populate }) =>
    populate.start({
      ...{ total_messages: 10, workers_number: 1, buffer_size: 5, pulses_per_message: 2 },
    }),
  getPopulate: ({ populate }) => populate.get(ID),
  getPulse: ({ pulses }) => pulses.get('1'),
  getUsage: ({ usage }) =>
    usage.page({
      ...{ ...INSTANTS, ...PAGE, window: 'day', tz: 'UTC', group_by: ['tenant'], order: 'desc' },
      ...{ tenant: 'acme', product_sku: 'cpu', use_unity: 'h', live: false, as_of: INSTANTS.to },
    }),
  createOrder: ({ orders }) =>
    orders.create({ customer_id: '123', items: [{ sku: 'ABC', qty: 2 }], currency: 'EUR' }),
  getOrder: ({ orders }) => orders.get(ID),
  listOrders: ({ orders }) =>
    orders.page({ ...INSTANTS, ...PAGE, customer_id: '123', status: 'failed' }),
  purchaseSubscription: ({ subscriptions }) =>
    subscriptions.purchase(
      { user_id: '123', sku: 'ABC', order_id: ID, effective_at: INSTANTS.from },
      { retryForMs: 0 },
    ),
  changeSubscription: ({ subscriptions }) =>
    subscriptions.cancel(ID, { effectiveAt: INSTANTS.from, retryForMs: 0 }),
  getSubscription: ({ subscriptions }) => subscriptions.get(ID),
  listSubscriptions: ({ subscriptions }) =>
    subscriptions.page({ ...PAGE, user_id: '123', tenant: 'acme', status: 'active', sku: 'ABC' }),
  listSubscriptionChanges: ({ subscriptions }) => subscriptions.changes(ID, { limit: 7, after: 9 }),
  listUnsubscribedUsage: ({ subscriptions }) => subscriptions.unsubscribedUsage(PAGE),
  withdrawSubscriptionChange: ({ subscriptions }) => subscriptions.withdraw(ID, 2),
  putCustomer: ({ customers }) =>
    customers.put('123', { name: 'Acme', email: 'billing@acme.example', tenant: 'acme' }),
  getCustomer: ({ customers }) => customers.get('123'),
  listCustomers: ({ customers }) => customers.page({ ...PAGE, tenant: 'acme' }),
  putProduct: ({ products }) =>
    products.put('ABC', { name: 'Thing', unit: 'GB·h', active: true, recurring: false }),
  getProduct: ({ products }) => products.get('ABC'),
  listProducts: ({ products }) => products.page(PAGE),
  addPrice: ({ prices }) =>
    prices.add('ABC', {
      ...{ currency: 'EUR', unit_amount: '2.5', valid_from: INSTANTS.from, tiers: TIERS },
    }),
  listPrices: ({ prices }) => prices.page('ABC', PAGE),
  putUnit: ({ units }) => units.put('dozen', { dimension: 'count', factor: '12' }),
  listUnits: ({ units }) => units.page(PAGE),
  putProducer: ({ producers }) => producers.put('billing', { name: 'Billing' }),
  getProducer: ({ producers }) => producers.get('billing'),
  listProducers: ({ producers }) => producers.page(PAGE),
  putEventType: ({ eventTypes }) =>
    eventTypes.put('a.b', { schema: {}, description: 'One.' }, { force: true }),
  getEventType: ({ eventTypes }) => eventTypes.get('a.b', 2),
  listEventTypes: ({ eventTypes }) => eventTypes.page(PAGE),
  listEventTypeVersions: ({ eventTypes }) => eventTypes.versions('a.b', { limit: 7, after: 9 }),
  sendEvents: ({ events }) => events.send([EVENT], { retryForMs: 0 }),
  listMessages: ({ messages }) => messages.page({ ...INSTANTS, ...PAGE, ...EVENT_NAMES }),
  getMessage: ({ messages }) => messages.get('billing', 'e-1'),
  putEndpoint: ({ endpoints }) => endpoints.put('e-1', ENDPOINT),
  getEndpoint: ({ endpoints }) => endpoints.get('e-1'),
  listEndpoints: ({ endpoints }) => endpoints.page({ ...PAGE, client: '123', status: 'enabled' }),
  deleteEndpoint: ({ endpoints }) => endpoints.delete('e-1'),
  rotateEndpointSecret: ({ endpoints }) =>
    endpoints.rotateSecret('e-1', { secret: ENDPOINT.secret, overlap_hours: 1 }),
  testEndpoint: ({ endpoints }) => endpoints.test('e-1'),
  recoverEndpoint: ({ endpoints }) =>
    endpoints.recover('e-1', { since: INSTANTS.from, dry_run: true }),
  listDeliveries: ({ deliveries }) =>
    deliveries.page({ ...INSTANTS, ...PAGE, client: '123', endpoint: 'e-1', status: 'failed' }),
  getDelivery: ({ deliveries }) => deliveries.get(ID),
  listDeliveryAttempts: ({ deliveries }) => deliveries.attempts(ID, { limit: 7, after: 9 }),
  resendDelivery: ({ deliveries }) => deliveries.resend(ID, { endpoint: 'e-2' }),
  insertWorkflow: ({ workflows }) =>
    workflows.insert({ data: 1, steps: ['one'], client: '123' }, { idempotencyKey: 'one' }),
  listWorkflows: ({ workflows }) =>
    workflows.page({ ...INSTANTS, ...PAGE, status: 'inserted', step: 'one' }),
  getWorkflow: ({ workflows }) => workflows.get(ID),
  changeWorkflow: ({ workflows }) => workflows.setStatus(ID, 'consumed'),
  consumeWorkflow: ({ workflows }) => workflows.consume({ spreadsheet: true }),
  getWorkflowCsv: ({ workflows }) => workflows.csv(ID, { spreadsheet: false }),
  createExport: ({ exports }) => exports.create(EXPORT, { idempotencyKey: 'one' }),
  listExports: ({ exports }) => exports.page({ ...PAGE, state: 'ready', report: 'usage' }),
  getExport: ({ exports }) => exports.get(ID),
  deleteExport: ({ exports }) => exports.cancel(ID),
  getExportManifest: ({ exports }) => exports.manifest(ID),
  listDeadLetters: ({ deadLetters }) =>
    deadLetters.page({ ...FILTERS, ...PAGE, state: 'quarantined' }),
  getDeadLetter: ({ deadLetters }) => deadLetters.get(ID),
  fixDeadLetter: ({ deadLetters }) =>
    deadLetters.fix(ID, { content: 'e30=', encoding: 'base64', note: 'why' }),
  replayDeadLetter: ({ deadLetters }) => deadLetters.replay(ID, { even_if_forgotten: true }),
  discardDeadLetter: ({ deadLetters }) => deadLetters.discard(ID, 'why'),
  replayDeadLetters: ({ deadLetters }) =>
    deadLetters.replayMany({
      ...{ ...FILTERS, ...PAGE, dry_run: true, rate_per_second: 9, even_if_forgotten: true },
    }),
  getStatus: ({ status }) => status.get(),
  getStatusHistory: ({ status }) => status.history(),
  pauseIngest: ({ status }) => status.setPaused(true, 'why'),
  getDoctor: ({ status }) => status.doctor(),
  discardDeadLetters: ({ deadLetters }) =>
    deadLetters.discardMany({ ...FILTERS, limit: 7, dry_run: true, note: 'why' }),
};

/** A member that excludes another. */
const INSTEAD_OF_CANCELED = 'restarted';

/** Parameters that exclude another, by operation. */
const INSTEAD_OF_OTHERS: Readonly<Record<string, string>> = { listPulses: 'after' };

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema: object }>> };
}

let app: Api;
let components: unknown;
let operations: ReadonlyMap<string, Operation & { readonly method: string; readonly url: string }>;

beforeAll(async () => {
  ({ app } = await createTestApp());
  const document = (await app.inject({ url: '/openapi.json' })).json<{
    paths: Record<string, Record<string, Operation>>;
    components: unknown;
  }>();
  ({ components } = document);
  operations = new Map(
    Object.entries(document.paths).flatMap(([url, path]) =>
      Object.entries(path).map(([method, operation]) => [
        operation.operationId,
        { ...operation, method: method.toUpperCase(), url },
      ]),
    ),
  );
});
afterAll(() => app.close());

test('every route has a call of the client, or a reason why not', () => {
  const known = [...Object.keys(CALLS), ...Object.keys(LEFT_OUT)];
  expect(known.sort()).toEqual([...operations.keys()].sort());
});

test.each(Object.entries(CALLS))(
  '%s: the client calls the route with all that it takes',
  async (id, call) => {
    const { method, url, parameters = [], requestBody } = operations.get(id)!;
    const request = await recordCall(call);
    const target = new URL(request.url);
    expect(request.method).toBe(method);
    const path = url.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+');
    expect(target.pathname).toMatch(new RegExp(`^${path}$`));
    const inQuery = parameters
      .filter((one) => one.in === 'query' && one.name !== INSTEAD_OF_OTHERS[id])
      .map(({ name }) => name);
    expect([...new Set(target.searchParams.keys())].sort()).toEqual(inQuery.sort());
    const schema = requestBody?.content['application/json']?.schema;
    expect(request.body === null).toBe(schema === undefined);
    if (schema !== undefined) checkBody(await request.json(), schema);
  },
);

/** What the call sends. Its answer is empty, which some calls cannot read. */
async function recordCall(call: (client: PulseClient) => Promise<unknown>): Promise<Request> {
  const requests: Request[] = [];
  const record: typeof fetch = (input, init) => {
    requests.push(new Request(input, init));
    return Promise.resolve(Response.json({}));
  };
  await call(createPulseClient({ url: 'http://here', fetch: record })).catch(() => undefined);
  expect(requests).toHaveLength(1);
  return requests[0]!;
}

/** The body is valid, and has every member that the schema knows. */
function checkBody(body: unknown, schema: object): void {
  const ajv = new Ajv2020({ strict: false });
  ajvFormats.default(ajv);
  expect(ajv.validate({ ...schema, components }, body), ajv.errorsText()).toBe(true);
  const { properties } = schema as { properties?: object };
  if (properties === undefined) return;
  const known = Object.keys(properties).filter((name) => name !== INSTEAD_OF_CANCELED);
  expect(Object.keys(body as object).sort()).toEqual(known.sort());
}

import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test, vi } from 'vitest';
import { newSecretKeys } from '../../src/delivery/secret-box.ts';
import {
  createAnswerCheck,
  operationsOf,
  type OpenApiDocument,
  type PlacedOperation,
  type SeenAnswer,
} from '../support/openapi-checker.ts';
import { runPasted } from '../support/pasted.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { openFlow, PASSWORD, type Flow } from './flow-fixture.ts';

// More than eighty examples, each in a shell.
vi.setConfig({ testTimeout: 2 * MANY_STEPS_TIMEOUT_MS });

/** Enough for every example that consumes one. */
const BAD_PULSES = 12;

async function openSystem(): Promise<{ flow: Flow; url: string; document: OpenApiDocument }> {
  const flow = await openFlow({ WEBHOOK_SECRET_KEYS: newSecretKeys() });
  const { ready } = await flow.start('start');
  const good = { tenant: 'acme', product_sku: 'cpu', use_unity: 'h', used_amount: '0.25' };
  const bodies = [
    ...Array.from({ length: 20 }, (_, index) => ({ ...good, id: `good-${index}` })),
    ...Array.from({ length: BAD_PULSES }, (_, index) => ({ ...good, tenant: '', id: `${index}` })),
  ];
  await flow.producer.publish(
    bodies.map((body) => ({ body: Buffer.from(JSON.stringify(body)), options: {} })),
  );
  await flow.settled({ counted: 20, deadLetters: BAD_PULSES });
  await flow.flush();
  const url = ready.api!;
  const response = await fetch(`${url}/openapi.json`);
  return { flow, url, document: (await response.json()) as OpenApiDocument };
}

test('every example works when pasted, and every answer matches its description', async () => {
  const { url, document } = await openSystem();
  const check = createAnswerCheck(document);
  const operations = operationsOf(document);
  const env = { API: `${url}/api/v1`, ADMIN_PASSWORD: PASSWORD };
  const idOf = ({ operationId }: PlacedOperation) => operationId;

  const login = operations.find((operation) => operation.operationId === 'login')!;
  const { body } = await runPasted(login['x-codeSamples']![0]!.source, env);
  const { Auth } = JSON.parse(body) as { Auth: { Token: string } };

  for (const operation of operations) {
    const [example] = operation['x-codeSamples'] ?? [];
    if (example === undefined) throw new Error(`${idOf(operation)} has no example.`);
    const answer = await runPasted(example.source, { ...env, TOKEN: Auth.Token });
    expect(answer.status, `${idOf(operation)}: ${answer.body}`).toBeLessThan(300);
    expect(check(operation, answer)).toBeUndefined();
  }

  let refused = 0;
  for (const operation of operations) {
    for (const provocation of provocations(operation, Auth.Token)) {
      const { status } = provocation;
      const answer = await ask(url, provocation);
      const what = `${idOf(operation)}: ${answer.body}`;
      expect(answer.status, what).toBe(status);
      expect(String(status) in operation.responses, `${what} is listed`).toBe(true);
      expect(check(operation, answer)).toBeUndefined();
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(operations.length);
});

interface Provocation {
  readonly status: number;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

const UNKNOWN: Readonly<Record<string, string>> = {
  run_id: 'b3a3c0ff-9a46-4a7b-8d0a-0f2f4e4d3c2b',
  id: 'b3a3c0ff-9a46-4a7b-8d0a-0f2f4e4d3c2b',
};

/** More than any operation accepts. Only announced: the API refuses it before the body is sent. */
const TOO_MANY_BYTES = String(64 * 1024 * 1024);

/** Does not use fetch, which always sends the announced length. */
async function ask(url: string, { path, method, headers, body }: Provocation): Promise<SeenAnswer> {
  const sent = request(url + path, { method, headers, agent: false });
  if (body === undefined) sent.flushHeaders();
  else sent.write(body);
  if (headers['content-length'] === undefined) sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  sent.on('error', () => undefined);
  return {
    status: response.statusCode!,
    contentType: response.headers['content-type'],
    body: await text(response),
  };
}

/** Mistakes that every operation answers in the same way, each with the expected status. */
function provocations(operation: PlacedOperation, token: string): Provocation[] {
  const { parameters = [], requestBody, security } = operation;
  const method = operation.method.toUpperCase();
  const has = (place: 'path' | 'query') => parameters.some((one) => one.in === place);
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => UNKNOWN[name] ?? name);
  const headers: Record<string, string> =
    security.length > 0 ? { authorization: `Bearer ${token}` } : {};
  const json = { ...headers, 'content-type': 'application/json' };
  // It finds the row before it reads the body, so that nobody uploads 12 MiB for nothing.
  const ofBody = (status: number) => (operation.operationId === 'fixDeadLetter' ? 404 : status);
  const given: (Provocation | false)[] = [
    security.length > 0 && { status: 401, path, method, headers: {} },
    security.length > 0 && { status: 401, path, method, headers: { authorization: 'Bearer x' } },
    has('query') && {
      ...{ status: 400, path: `${path}?no_such=1`, method },
      ...(requestBody === undefined ? { headers } : { headers: json, body: '{}' }),
    },
    has('path') && { status: 400, path: operation.path.replace(/\{\w+\}/, '%ff'), method, headers },
    requestBody !== undefined && {
      ...{ status: ofBody(400), path, method, headers: json, body: '{"cut off":' },
    },
    requestBody !== undefined && {
      ...{
        status: ofBody(415),
        path,
        method,
        headers: { ...headers, 'content-type': 'text/x' },
        body: 'x',
      },
    },
    requestBody !== undefined && {
      ...{
        status: ofBody(413),
        path,
        method,
        headers: { ...json, 'content-length': TOO_MANY_BYTES },
      },
    },
  ];
  return given.filter((one) => one !== false);
}

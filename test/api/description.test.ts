import { gunzipSync } from 'node:zlib';
import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import { parse } from 'yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LOGO } from '../../src/api/logo.ts';
import type { Api } from '../../src/http/api-module.ts';
import { createTestApp } from './api-fixture.ts';
import { lintDescription } from './lint-description.ts';

let app: Api;
beforeAll(async () => {
  ({ app } = await createTestApp());
});
afterAll(() => app.close());

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security: unknown[];
  readonly parameters?: { readonly name: string; readonly example?: unknown }[];
  readonly requestBody?: {
    readonly content: Record<string, { readonly schema: object; readonly example?: unknown }>;
  };
  readonly responses: Record<string, unknown>;
  readonly 'x-codeSamples'?: { source: string }[];
}

interface OpenApi {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
}

const openApi = async () => (await app.inject({ url: '/openapi.json' })).json<OpenApi>();

describe('the OpenAPI document', () => {
  test('passes the linter', async () => {
    const document = await openApi();
    expect(document.openapi).toBe('3.1.0');
    // A health check has no input that could be wrong.
    expect(await lintDescription(document, { 'operation-4xx-response': 'off' })).toEqual([]);
  });

  test('has every route of the API, with who may call it, its problems and an example', async () => {
    const { paths } = await openApi();
    const described = Object.entries(paths).flatMap(([url, path]) =>
      Object.entries(path).map(([method, operation]) => {
        const route = app.routeTable.find(
          (one) =>
            one.method.toLowerCase() === method && one.url.replace(/:(\w+)/g, '{$1}') === url,
        );
        expect(operation.security, operation.operationId).toEqual(
          route?.config.public === true ? [] : [{ bearer: [] }],
        );
        expect(operation.summary, operation.operationId).not.toBe('');
        expect(Object.keys(operation.responses)).toEqual(
          expect.arrayContaining(
            route?.config.public === true
              ? ['500', 'default']
              : ['401', '403', '429', '500', 'default'],
          ),
        );
        expect(operation['x-codeSamples']?.[0]?.source, operation.operationId).toContain('curl ');
        return `${method.toUpperCase()} ${route?.url}`;
      }),
    );
    const hidden =
      /^(\/$|\/console|\/orders|\/workflow|\/docs|\/openapi\.json|\/asyncapi\.json|\/api\/v1\/health)/;
    const routes = app.routeTable
      .filter(({ method, url }) => method !== 'HEAD' && !hidden.test(url))
      .map(({ method, url }) => `${method} ${url}`);
    expect(described.sort()).toEqual(routes.sort());
  });
});

test('the documents are serialised only once', async () => {
  const before = app.swagger;
  await app.inject({ url: '/openapi.json' });
  await app.inject({ url: '/docs/yaml' });
  app.swagger = () => expect.fail('serialised again');
  try {
    const { body } = await app.inject({ url: '/openapi.json' });
    expect((await app.inject({ url: '/docs/json' })).body).toBe(body);
    const yaml = await app.inject({ url: '/docs/yaml' });
    expect(yaml.headers['content-type']).toBe('application/yaml');
    expect(parse(yaml.body)).toEqual(JSON.parse(body));
    expect((await app.inject({ url: '/asyncapi.json' })).statusCode).toBe(200);
  } finally {
    app.swagger = before;
  }
});

test('what anybody may ask for any number of times is not compressed for each request', async () => {
  const get = async (url: string) => {
    const { rawPayload, headers } = await app.inject({
      url,
      headers: { 'accept-encoding': 'gzip' },
    });
    return { bytes: rawPayload, headers };
  };
  for (const url of ['/openapi.json', '/asyncapi.json', '/docs/json', '/docs/yaml']) {
    const { bytes, headers } = await get(url);
    expect(headers, url).toMatchObject({
      'content-encoding': 'gzip',
      // Of what is compressed as it is sent, the length is not known.
      'content-length': String(bytes.length),
      vary: 'accept-encoding',
    });
    const plain = await app.inject({ url });
    expect(plain.headers).toMatchObject({ vary: 'accept-encoding' });
    expect(plain.headers).not.toHaveProperty('content-encoding');
    expect(gunzipSync(bytes).toString()).toBe(plain.body);
  }
  for (const url of ['/docs/', '/docs/static/swagger-ui-bundle.js', '/docs/static/index.css']) {
    const { bytes, headers } = await get(url);
    expect(bytes.length, url).toBeGreaterThan(0);
    expect(headers, url).not.toHaveProperty('content-encoding');
  }
});

test.each([
  ['gzip', true],
  ['br, GZIP ; q=0.5', true],
  ['gzip;q=1.0, *;q=0', true],
  ['gzip;q=0, identity', false],
  ['gzip; q=0.00', false],
  ['br, x-gzip-like', false],
  ['', false],
])('a caller with Accept-Encoding: %s gets the documents compressed: %s', async (accepted, is) => {
  const headers = { 'accept-encoding': accepted };
  const answer = await app.inject({ url: '/asyncapi.json', headers });
  expect(answer.headers['content-encoding'] === 'gzip').toBe(is);
});

describe('the reference page', () => {
  test('fills in valid bodies, and periods with possible usage', async () => {
    const ajv = new Ajv2020({ strict: false });
    ajvFormats.default(ajv);
    const { paths } = await openApi();
    const operations = Object.values(paths).flatMap((path) => Object.values(path));
    let examples = 0;
    for (const { operationId, requestBody } of operations) {
      const body = requestBody?.content['application/json'];
      // The examples of pulses and events are in their own schemas.
      if (body === undefined || /^send(Pulses|Events)$/.test(operationId)) continue;
      // Without an example, the page invents values from types and patterns.
      expect(body.example, operationId).toBeDefined();
      expect(ajv.validate(body.schema, body.example), operationId).toBe(true);
      examples++;
    }
    expect(examples).toBe(29);
    const dates = operations.flatMap(({ parameters = [] }) =>
      parameters.filter(({ name, example }) => /^(from|to)$/.test(name) && example !== undefined),
    );
    expect(dates).toEqual([]);
  });

  test('is served with all its files by the API, under a policy that no other answer has', async () => {
    const page = await app.inject({ url: '/docs/' });
    expect(page.statusCode).toBe(200);
    expect(page.body).toContain('<title>Pulse API</title>');
    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
    expect(page.headers['content-security-policy']).not.toContain('https:');
    const files = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file!);
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) {
      const url = new URL(file, 'http://here/docs/');
      expect(url.host).toBe('here');
      expect((await app.inject({ url: url.pathname })).statusCode, file).toBe(200);
    }
    const start = await app.inject({ url: '/docs/static/swagger-initializer.js' });
    expect(start.body).toContain(`data:image/svg+xml;base64,${LOGO.toString('base64')}`);
    expect(page.body).toContain('favicon.svg');
    const elsewhere = await app.inject({ url: '/openapi.json' });
    expect(elsewhere.headers['content-security-policy']).toBe("default-src 'none'");
  });

  test("is the target of the server's root where there is no console", async () => {
    const { app: plain } = await createTestApp();
    const { statusCode, headers } = await plain.inject({ url: '/' });
    await plain.close();
    expect({ statusCode, location: headers.location }).toEqual({
      statusCode: 302,
      location: '/docs/',
    });
  });

  test('and the documents can be switched off', async () => {
    const { app: silent } = await createTestApp({}, { docs: false });
    for (const url of ['/', '/docs', '/docs/json', '/openapi.json', '/asyncapi.json']) {
      expect((await silent.inject({ url })).statusCode).toBe(404);
    }
    await silent.close();
  });
});

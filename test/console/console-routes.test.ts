import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { createTestApp } from '../api/api-fixture.ts';

let app: Api;
beforeAll(async () => {
  ({ app } = await createTestApp({}, { console: true }));
});
afterAll(() => app.close());

interface BuiltFile {
  readonly file: string;
}

const MANIFEST = JSON.parse(readFileSync('dist/web/manifest.json', 'utf8')) as Record<
  string,
  BuiltFile
>;
const ENTRY = `/console/${MANIFEST['index.html']!.file}`;

describe('the console', () => {
  test('is where the root leads', async () => {
    for (const url of ['/', '/console']) {
      const { statusCode, headers } = await app.inject({ url });
      expect({ statusCode, location: headers.location }).toEqual({
        statusCode: 302,
        location: '/console/',
      });
    }
  });

  test('has one document for the address of every page', async () => {
    const page = await app.inject({ url: '/console/' });
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    expect(page.body).toContain(ENTRY);
    const paths = ['orders/0192', 'usage?tenant=a.b', 'dead-letters/x.y', '..%2f..%2fetc'];
    for (const path of [...paths, 'catalogue/customers/CORP%5Calice']) {
      const answer = await app.inject({ url: `/console/${path}` });
      expect({ status: answer.statusCode, body: answer.body }).toEqual({
        status: 200,
        body: page.body,
      });
    }
  });

  test('may load only files of this server, and nothing inline', async () => {
    const { headers, body } = await app.inject({ url: '/console/' });
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("style-src 'self';");
    expect(policy).not.toContain('unsafe');
    expect(headers['cache-control']).toBe('no-cache');
    expect(body).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=/);
  });

  test('has files that browsers keep, compressed once by the build', async () => {
    const headers = { 'accept-encoding': 'gzip' };
    const answer = await app.inject({ url: ENTRY, headers });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-encoding': 'gzip',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    expect(answer.rawPayload).toEqual(readFileSync(`dist/web${ENTRY.slice('/console'.length)}.gz`));
  });

  test('has no document for a file that an older version had', async () => {
    for (const file of ['index-old.js', 'old%5Cindex.js']) {
      const answer = await app.inject({ url: `/console/assets/${file}` });
      expect(answer.statusCode).toBe(404);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.headers['cache-control']).not.toContain('immutable');
    }
  });

  test('can be switched off', async () => {
    const { app: plain } = await createTestApp();
    for (const url of ['/console', '/console/', ENTRY]) {
      expect((await plain.inject({ url })).statusCode).toBe(404);
    }
    await plain.close();
  });
});

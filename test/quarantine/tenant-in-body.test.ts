import { describe, expect, test } from 'vitest';
import { TENANT_LENGTH_MAX } from '../../src/contract/rules.ts';
import { tenantInBody } from '../../src/quarantine/tenant-in-body.ts';

describe('tenantInBody', () => {
  test.each([
    ['{"tenant":"acme"}', 'acme'],
    ['[{"tenant":"acme"},{"tenant":"acme","id":1}]', 'acme'],
    ['[{"tenant":"acme"},{"tenant":"globex"}]', null],
    ['[{"tenant":"acme"},7]', null],
    ['{"tenant":7}', null],
    ['{"tenant":""}', null],
    ['{"tenant":"a\\u0000b"}', 'a\ufffdb'],
    ['{}', null],
    ['[]', null],
    ['null', null],
    ['"acme"', null],
    ['{"tenant":"acme"', null],
    [`{"tenant":"${'x'.repeat(TENANT_LENGTH_MAX + 1)}"}`, null],
    [`{"tenant":"${'x'.repeat(TENANT_LENGTH_MAX)}"}`, 'x'.repeat(TENANT_LENGTH_MAX)],
    [`{"tenant":"acme","pad":"${'x'.repeat(1 << 20)}"}`, null],
    [`{"tenant":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, null],
    [`{"tenant":"acme","pad":[${'0,'.repeat(40_000)}0]}`, 'acme'],
    [`{"tenant":"acme","pad":[${'0,'.repeat(60_000)}0]}`, null],
  ])('%.60s', (body, tenant) => {
    expect(tenantInBody(Buffer.from(body))).toBe(tenant);
  });
});

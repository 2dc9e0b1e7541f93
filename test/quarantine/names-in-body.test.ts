import { describe, expect, test } from 'vitest';
import { ID_LENGTH_MAX, TENANT_LENGTH_MAX } from '../../src/contract/rules.ts';
import { namesInBody, pulseIdOf } from '../../src/quarantine/names-in-body.ts';

describe('the tenant in a body', () => {
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
    expect(namesInBody(Buffer.from(body)).tenant).toBe(tenant);
  });
});

describe('the id of a pulse', () => {
  const longest = 'é'.repeat(ID_LENGTH_MAX);
  test.each([
    ['{"id":"bad-unit-1"}', 'bad-unit-1'],
    [`{"id":"${longest}"}`, longest],
    ['{"id":"a\\u0000b"}', 'a\ufffdb'],
    ['{}', 'message'],
    ['{"id":null}', null],
    ['{"id":7}', null],
    ['{"id":""}', null],
    [`{"id":"${longest}é"}`, null],
    ['[{"id":"a"}]', null],
    ['"text"', null],
    ['{"id":"a"', null],
    [`{"id":"a","pad":"${'x'.repeat(1 << 20)}"}`, null],
  ])('%.60s', (body, id) => {
    const { ownId } = namesInBody(Buffer.from(body));
    expect(pulseIdOf(ownId, { messageId: 'message', pulseIndex: null })).toBe(id);
  });

  test.each([
    ['m', 3, 'm#3'],
    ['m', null, 'm'],
    [null, 3, null],
    ['m\ufffd', null, null],
    ['m'.repeat(ID_LENGTH_MAX), null, 'm'.repeat(ID_LENGTH_MAX)],
    ['m'.repeat(ID_LENGTH_MAX), 3, null],
  ])('without one of its own is that of its message: %.20s, %j', (messageId, pulseIndex, id) => {
    expect(pulseIdOf(undefined, { messageId, pulseIndex })).toBe(id);
  });
});

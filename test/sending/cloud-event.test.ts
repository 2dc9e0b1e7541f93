import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ID_LENGTH_MAX } from '../../src/contract/rules.ts';
import {
  eventIdentity,
  fromBinaryEvent,
  fromStructuredEvent,
} from '../../src/sending/cloud-event.ts';

const DATA = { product_sku: 'cpu', use_unity: 'h', used_amount: '0.25' };
const EVENT = {
  specversion: '1.0',
  id: 'e-1',
  source: '/meters/7',
  type: 'com.acme.usage',
  subject: 'acme',
  time: '2026-11-22T04:10:00Z',
};
const PULSE = { ...DATA, tenant: 'acme', id: '/meters/7 e-1', timestamp: EVENT.time };

function structured(event: unknown) {
  return fromStructuredEvent(event, () => JSON.stringify(event));
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('an event in JSON', () => {
  test('is a pulse with source and id as identity and subject as tenant', () => {
    expect(structured({ ...EVENT, data: DATA })).toMatchObject({ ok: true, value: PULSE });
  });

  test('may have its data in base64', () => {
    const sent = structured({ ...EVENT, data_base64: base64(JSON.stringify(DATA)) });
    expect(sent).toMatchObject({ ok: true, value: PULSE });
  });

  test('is refused if its data in base64 has very many members, because parsing it would take long', () => {
    const pad = (count: number) => ({ ...DATA, pad: Array(count).fill(0) });
    const sent = (count: number) =>
      structured({ ...EVENT, data_base64: base64(JSON.stringify(pad(count))) });
    expect(sent(40_000)).toMatchObject({ ok: true });
    expect(sent(60_000)).toMatchObject({
      ok: false,
      refusal: { field: 'data_base64', code: 'body_too_large' },
    });
  });

  test.each(['e30', 'e30==', 'e3=0', 'e30=\n', '====', 'e3 0', 'e'])(
    'refuses %j as base64',
    (text) => {
      expect(structured({ ...EVENT, data_base64: text })).toMatchObject({
        ok: false,
        refusal: { code: 'invalid_cloudevent', reason: 'data_base64 must be a string in base64.' },
      });
    },
  );

  test('may have no time, and null means none', () => {
    const sent = structured({ ...EVENT, time: null, datacontenttype: null, data: DATA });
    expect(sent).toMatchObject({ ok: true, value: { ...PULSE, timestamp: undefined } });
  });

  test.each([
    ['specversion', { specversion: '0.3' }],
    ['specversion', { specversion: undefined }],
    ['specversion', { specversion: 1 }],
    ['id', { id: '' }],
    ['id', { id: 7 }],
    ['id', { id: '\ud800' }],
    ['source', { source: '' }],
    ['source', { source: 'a b' }],
    ['source', { source: undefined }],
    ['type', { type: undefined }],
    ['datacontenttype', { datacontenttype: 'text/xml' }],
    ['data_base64', { data_base64: base64('{}') }],
    ['data_base64', { data: undefined, data_base64: 'not base64!' }],
    ['data_base64', { data: undefined, data_base64: base64('{') }],
    ['data_base64', { data: undefined, data_base64: Buffer.from([0xff]).toString('base64') }],
    ['data', { data: 'text' }],
    ['data', { data: [DATA] }],
    ['data', { data: undefined }],
  ])('is refused for %s: %j', (field, changes) => {
    expect(structured({ ...EVENT, data: DATA, ...changes })).toMatchObject({
      ok: false,
      refusal: { field },
    });
  });

  test.each([null, 7, 'text', []])('is not a %j', (event) => {
    expect(structured(event)).toMatchObject({ ok: false, refusal: { field: 'body' } });
  });
});

describe('an event in headers', () => {
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': 'e-1',
    'ce-source': '/meters/7',
    'ce-type': 'com.acme.usage',
    'ce-subject': 'S%C3%B6hne%20%22%25%22',
  };
  const body = Buffer.from(JSON.stringify(DATA));

  test('is a pulse whose texts are percent-decoded', () => {
    const value = { ...PULSE, tenant: 'Söhne "%"', timestamp: undefined };
    expect(fromBinaryEvent(headers, body)).toMatchObject({ ok: true, value });
  });

  test('may have quoted headers', () => {
    const sent = fromBinaryEvent({ ...headers, 'ce-subject': '"a \\"b\\""' }, body);
    expect(sent).toMatchObject({ ok: true, value: { tenant: 'a "b"' } });
  });

  test.each([
    ['subject', { 'ce-subject': '%ff' }],
    ['subject', { 'ce-subject': '100%' }],
    ['subject', { 'ce-subject': 'S\u00f6hne' }],
    ['specversion', { 'ce-specversion': '2.0' }],
  ])('is refused for %s: %j', (field, changes) => {
    expect(fromBinaryEvent({ ...headers, ...changes }, body)).toMatchObject({
      ok: false,
      refusal: { field, code: 'invalid_cloudevent' },
    });
  });

  test('is refused if its data is not JSON', () => {
    expect(fromBinaryEvent(headers, Buffer.alloc(0))).toMatchObject({
      ok: false,
      refusal: { field: 'body', code: 'malformed_json' },
    });
  });
});

test('two identities never become the same id, and an id is never too long', () => {
  const source = fc.string({ minLength: 1, maxLength: 90 }).filter((text) => /^\S+$/.test(text));
  const id = fc.string({ minLength: 1, maxLength: 90 });
  fc.assert(
    fc.property(source, id, source, id, (oneSource, oneId, otherSource, otherId) => {
      const one = eventIdentity(oneSource, oneId);
      const isSame = oneSource === otherSource && oneId === otherId;
      expect(eventIdentity(otherSource, otherId) === one).toBe(isSame);
      expect(one.length).toBeLessThanOrEqual(ID_LENGTH_MAX);
    }),
  );
  expect(eventIdentity('a', 'b c')).not.toBe(eventIdentity('a%20b', 'c'));
  expect(eventIdentity('s', 'x'.repeat(200))).toMatch(/^sha256:[\da-f]{64}$/);
});

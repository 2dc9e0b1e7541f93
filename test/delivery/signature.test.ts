import { createHmac, randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { newSecret, parseSecret, signedHeaders } from '../../src/delivery/signature.ts';

const nowSec = () => Math.floor(Date.now() / 1000);
const ID = '018f2f5e-8f0a-7cc3-98c4-dc0c0c07398f';
const BODY = Buffer.from('{"type":"order.completed","data":{"name":"Zoë 🙂"}}');
const PARSED: unknown = JSON.parse(BODY.toString());

/** The example of the specification's reference libraries. */
const KNOWN = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestampSec: 1_614_265_330,
  body: Buffer.from('{"test": 2432232314}'),
  secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
};

test('the signature is that of the specification', () => {
  expect(signedHeaders(KNOWN)).toEqual({
    'webhook-id': KNOWN.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test('receivers verify it with the public library', () => {
  const secret = newSecret();
  const headers = signedHeaders({ id: ID, timestampSec: nowSec(), body: BODY, secrets: [secret] });
  expect(new Webhook(secret).verify(BODY.toString(), headers)).toEqual(PARSED);
  expect(() => new Webhook(newSecret()).verify(BODY.toString(), headers)).toThrow('No matching');
  expect(() => new Webhook(secret).verify(`${BODY.toString()} `, headers)).toThrow('No matching');
  const moved = { ...headers, 'webhook-id': 'another' };
  expect(() => new Webhook(secret).verify(BODY.toString(), moved)).toThrow('No matching');
});

test('while a secret rotates, either secret verifies', () => {
  const secrets = [newSecret(), newSecret()];
  const headers = signedHeaders({ id: ID, timestampSec: nowSec(), body: BODY, secrets });
  expect(headers['webhook-signature']).toMatch(/^v1,[\w+/]{43}= v1,[\w+/]{43}=$/);
  for (const secret of secrets) {
    expect(new Webhook(secret).verify(BODY.toString(), headers)).toEqual(PARSED);
  }
});

test('what is signed are the bytes of the body', () => {
  const [secret = ''] = KNOWN.secrets;
  const { 'webhook-signature': signature } = signedHeaders({ ...KNOWN, body: BODY });
  const hmac = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'));
  hmac.update(`${KNOWN.id}.${KNOWN.timestampSec}.`).update(BODY);
  expect(signature).toBe(`v1,${hmac.digest('base64')}`);
});

test.each([
  ['an id with a dot', { id: 'a.1' }],
  ['an empty id', { id: '' }],
  ['an id with a line break', { id: 'a\nb' }],
  ['a fraction of a second', { timestampSec: 1.5 }],
  ['no secret', { secrets: [] }],
  ['a body that is not UTF-8', { body: Buffer.from([0xff]) }],
])('%s is not signed', (_what, change) => {
  expect(() => signedHeaders({ ...KNOWN, ...change })).toThrow();
});

test('a new secret has 32 random bytes', () => {
  const [first, second] = [newSecret(), newSecret()];
  expect(first).toMatch(/^whsec_[\w+/]{43}=$/);
  expect(parseSecret(first)).toHaveLength(32);
  expect(second).not.toBe(first);
});

test('a secret of 24 to 64 bytes is accepted', () => {
  for (const length of [24, 25, 26, 32, 64]) {
    const key = randomBytes(length);
    expect(parseSecret(`whsec_${key.toString('base64')}`)).toEqual(key);
  }
});

const PLAIN = Buffer.alloc(32, 0xfb).toString('base64');
test.each([
  ['23 bytes', `whsec_${randomBytes(23).toString('base64')}`],
  ['65 bytes', `whsec_${randomBytes(65).toString('base64')}`],
  ['nothing after the prefix', 'whsec_'],
  ['no prefix', PLAIN],
  ['another prefix', `whsk_${PLAIN}`],
  ['a prefix in capitals', `WHSEC_${PLAIN}`],
  ['no padding', `whsec_${PLAIN.replace('=', '')}`],
  ['the alphabet of URLs', `whsec_${PLAIN.replaceAll('+', '-').replaceAll('/', '_')}`],
  ['a space', `whsec_${PLAIN.slice(0, 8)} ${PLAIN.slice(8)}`],
  ['a line break at the end', `whsec_${PLAIN}\n`],
  ['bits after the last byte', `whsec_${Buffer.alloc(32).toString('base64').replace('A=', 'B=')}`],
])('a secret with %s is refused', (_what, text) => {
  expect(parseSecret(text)).toBeUndefined();
});

import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { expect, test, vi } from 'vitest';
import { verifyWebhook } from '../src/pulse-client.ts';

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
const BODY = '{"id":"msg_1","type":"invoice.paid","number":7,"data":{"name":"Zoë 😀"}}';

/** Signed by the public package. */
function sign(secrets: readonly string[], at = new Date(), body = BODY) {
  const signatures = secrets.map((secret) => new Webhook(secret).sign('msg_1', at, body));
  return {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': signatures.join(' '),
  };
}

const refused = { name: 'WebhookVerificationError' };

test('a webhook that the public package has signed is parsed, as text or as bytes', async () => {
  const secret = newSecret();
  const headers = sign([secret]);
  const event = JSON.parse(BODY) as unknown;
  expect(await verifyWebhook(secret, headers, BODY)).toEqual(event);
  expect(await verifyWebhook(secret, new Headers(headers), Buffer.from(BODY))).toEqual(event);
  const upper = Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]);
  expect(
    await verifyWebhook(secret, Object.fromEntries(upper) as Record<string, string>, BODY),
  ).toEqual(event);
});

test('while a secret rotates, either secret of either side is enough', async () => {
  const [before, after] = [newSecret(), newSecret()];
  const headers = sign([before, after]);
  for (const secrets of [before, after, [after, before], [newSecret(), before]]) {
    expect(await verifyWebhook(secrets, headers, BODY)).toMatchObject({ number: 7 });
  }
  await expect(verifyWebhook(newSecret(), headers, BODY)).rejects.toMatchObject(refused);
  await expect(verifyWebhook([], headers, BODY)).rejects.toMatchObject(refused);
});

test('what is not as it was signed is refused', async () => {
  const secret = newSecret();
  const headers = sign([secret]);
  const later = String(Number(headers['webhook-timestamp']) + 1);
  const signature = headers['webhook-signature'];
  for (const changed of [
    { 'webhook-id': 'msg_2' },
    { 'webhook-timestamp': later },
    { 'webhook-timestamp': 'now' },
    { 'webhook-signature': signature.replace('v1,', 'v2,') },
    { 'webhook-signature': signature.slice(3) },
    { 'webhook-signature': `v1,${'A'.repeat(43)}=` },
    { 'webhook-signature': '' },
    { 'webhook-signature': [signature, signature] },
    { 'webhook-id': undefined },
  ]) {
    const attempt = verifyWebhook(secret, { ...headers, ...changed }, BODY);
    await expect(attempt, JSON.stringify(changed)).rejects.toMatchObject(refused);
  }
  await expect(verifyWebhook(secret, headers, `${BODY} `)).rejects.toMatchObject(refused);
  const text = sign([secret], new Date(), 'not JSON');
  await expect(verifyWebhook(secret, text, 'not JSON')).rejects.toMatchObject(refused);
});

test('a webhook is good for five minutes, before and after', async () => {
  vi.useFakeTimers();
  try {
    const secret = newSecret();
    const now = Math.floor(Date.now() / 1000) * 1000;
    vi.setSystemTime(now);
    for (const seconds of [-300, 300]) {
      const headers = sign([secret], new Date(now + seconds * 1000));
      expect(await verifyWebhook(secret, headers, BODY)).toMatchObject({ id: 'msg_1' });
    }
    for (const seconds of [-301, 301]) {
      const headers = sign([secret], new Date(now + seconds * 1000));
      await expect(verifyWebhook(secret, headers, BODY)).rejects.toMatchObject(refused);
    }
  } finally {
    vi.useRealTimers();
  }
});

test('a wrong secret is a mistake of the caller', async () => {
  for (const secret of ['', 'c2VjcmV0', 'whsec_', 'whsec_a', 'whsec_???']) {
    await expect(verifyWebhook(secret, sign([newSecret()]), BODY)).rejects.toThrow(TypeError);
  }
});

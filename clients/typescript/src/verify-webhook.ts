/** Verifies webhooks, by the Standard Webhooks specification 1.0.0. */
import type { WebhookEvent } from './webhooks-types.ts';

/** The request is not a webhook from Pulse, or was tampered with, or is too old. Answer it with 400. */
export class WebhookVerificationError extends Error {
  override readonly name = 'WebhookVerificationError';
}

/** As Node.js, Express and `fetch` have them. */
export type WebhookHeaders =
  Pick<Headers, 'get'> | Readonly<Record<string, string | readonly string[] | undefined>>;

type Key = Awaited<ReturnType<typeof keyOf>>;

const TOLERANCE_SECONDS = 300;
/** Webhooks have one signature, or two while a secret rotates. */
const SIGNATURES_MAX = 10;
const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/;

/**
 * Verifies a webhook and parses it. It may be one that was sent before: drop those whose `id` you know.
 *
 * @param secrets The endpoint's secret; several while it rotates, of which one has to match.
 * @param body As it was received: parsed and written again, it has another signature.
 * @throws WebhookVerificationError No signature matches, or the webhook was sent more than 5 minutes ago.
 * @throws TypeError A secret is not `whsec_` and base64.
 */
export async function verifyWebhook(
  secrets: string | readonly string[],
  headers: WebhookHeaders,
  body: string | Uint8Array,
): Promise<WebhookEvent> {
  const keys = await Promise.all([secrets].flat().map(keyOf));
  const id = headerOf(headers, 'webhook-id');
  const timestamp = headerOf(headers, 'webhook-timestamp');
  checkTime(timestamp);
  const signed = concat(`${id}.${timestamp}.`, body);
  const signatures = headerOf(headers, 'webhook-signature').split(' ').slice(0, SIGNATURES_MAX);
  const matches = await Promise.all(
    signatures.flatMap((signature) => keys.map((key) => isSignature(signature, key, signed))),
  );
  if (!matches.includes(true)) {
    throw new WebhookVerificationError('No signature of the webhook matches.');
  }
  return parse(body);
}

function keyOf(secret: string) {
  const [, encoded] = SECRET.exec(secret) ?? [];
  if (encoded === undefined) throw new TypeError('A secret must be whsec_ and base64.');
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  return crypto.subtle.importKey('raw', fromBase64(encoded), algorithm, false, ['verify']);
}

/** Takes the same time for every wrong signature. */
async function isSignature(
  text: string,
  key: Key,
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const [, encoded] = /^v1,([A-Za-z0-9+/]{43}=)$/.exec(text) ?? [];
  return encoded !== undefined && crypto.subtle.verify('HMAC', key, fromBase64(encoded), signed);
}

function headerOf(headers: WebhookHeaders, name: string): string {
  const value = isHeaders(headers)
    ? headers.get(name)
    : Object.entries(headers).find(([one]) => one.toLowerCase() === name)?.[1];
  if (typeof value === 'string' && value !== '') return value;
  throw new WebhookVerificationError(`The request has no header ${name}, or several.`);
}

function isHeaders(headers: WebhookHeaders): headers is Pick<Headers, 'get'> {
  return typeof headers.get === 'function';
}

function checkTime(timestamp: string): void {
  const seconds = /^\d{1,15}$/.test(timestamp) ? Number(timestamp) : NaN;
  const agoSeconds = Math.abs(Date.now() / 1000 - seconds);
  if (agoSeconds <= TOLERANCE_SECONDS) return;
  throw new WebhookVerificationError(
    'The webhook was sent more than 5 minutes ago, or this clock is wrong.',
  );
}

function parse(body: string | Uint8Array): WebhookEvent {
  try {
    const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
    return JSON.parse(text) as WebhookEvent;
  } catch (cause) {
    throw new WebhookVerificationError('The body of the webhook is not JSON.', { cause });
  }
}

function concat(head: string, body: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const start = new TextEncoder().encode(head);
  const rest = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const whole = new Uint8Array(start.length + rest.length);
  whole.set(start);
  whole.set(rest, start.length);
  return whole;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = decodeBase64(text);
  return Uint8Array.from(Array.from(binary, (character) => character.charCodeAt(0)));
}

function decodeBase64(text: string): string {
  try {
    return atob(text);
  } catch (cause) {
    throw new TypeError('A secret must be whsec_ and base64.', { cause });
  }
}

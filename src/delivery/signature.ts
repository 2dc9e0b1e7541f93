/** Secrets and signatures of webhooks, by the Standard Webhooks specification 1.0.0. */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

/** A type alias, because an interface is not a `Record` of strings. */
export type SignedHeaders = {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
};

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;
/** From the specification: 192 to 512 bits. */
const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;

export function newSecret(): string {
  return `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`;
}

/** The key in a secret; undefined unless it is `whsec_` and the canonical base64 of 24 to 64 bytes. */
export function parseSecret(text: string): Buffer | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const encoded = text.slice(PREFIX.length);
  const key = Buffer.from(encoded, 'base64');
  // Node decodes leniently; receivers with other libraries would decode another key, or none.
  if (key.toString('base64') !== encoded) return undefined;
  return key.length >= SECRET_BYTES_MIN && key.length <= SECRET_BYTES_MAX ? key : undefined;
}

/**
 * Signs one attempt.
 *
 * @param signed.id The same for every attempt of a delivery. Without `.`, which separates what is signed:
 * with one, a body could be moved into the id.
 * @param signed.timestampSec Of this attempt, because receivers refuse an old one.
 * @param signed.body UTF-8: the exact bytes that are sent.
 * @param signed.secrets One; two while a secret rotates.
 */
export function signedHeaders({
  id,
  timestampSec,
  body,
  secrets,
}: {
  readonly id: string;
  readonly timestampSec: number;
  readonly body: Buffer;
  readonly secrets: readonly string[];
}): SignedHeaders {
  assert(
    /^[\x21-\x2d\x2f-\x7e]+$/.test(id),
    'The id of a webhook has a dot, or is not a valid header value.',
  );
  assert(Number.isSafeInteger(timestampSec), 'The timestamp of a webhook is in whole seconds.');
  assert(secrets.length > 0, 'A webhook is signed with at least one secret.');
  // The library signs text, so it would sign replacement characters in place of other bytes.
  assert(isUtf8(body), 'The body of a webhook is UTF-8.');
  const timestamp = new Date(timestampSec * 1000);
  const signatures = secrets.map((secret) => new Webhook(secret).sign(id, timestamp, body));
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampSec),
    'webhook-signature': signatures.join(' '),
  };
}

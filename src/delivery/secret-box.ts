/** Keeps the secrets of endpoints encrypted in Postgres, with keys that are only in the environment. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { FatalError, RejectedError } from '../core/errors.ts';

export interface SecretKey {
  readonly id: string;
  /** 32 bytes. */
  readonly key: Buffer;
}

/**
 * What is stored: version (1 byte), length of the key's id (1), the key's id, nonce (12), tag (16), ciphertext.
 *
 * All before the nonce and the endpoint's id are authenticated too, so that a sealed secret is of no use to another
 * endpoint.
 */
export type SealedSecret = Buffer;

export interface SecretBox {
  /** Undefined when there are no keys: nothing can be sealed. */
  readonly currentKeyId: string | undefined;
  /** @throws FatalError PULSE_DELIVERY_SECRET_KEY There are no keys. */
  seal(plain: string, endpointId: string): SealedSecret;
  /**
   * @throws FatalError PULSE_DELIVERY_SECRET_KEY The key is not there any more, and has to be added again;
   * PULSE_DELIVERY_SECRET_DAMAGED the secret was changed, belongs to another endpoint, or its key's id now
   * names another key.
   */
  open(sealed: SealedSecret, endpointId: string): string;
}

const ALGORITHM = 'aes-256-gcm';
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const KEY_ID = /^[a-z0-9_-]{1,32}$/;

/** @param keys The first seals, all open. */
export function createSecretBox(keys: readonly SecretKey[]): SecretBox {
  const [current] = keys;
  return {
    currentKeyId: current?.id,
    seal(plain, endpointId) {
      if (current === undefined) {
        throw new FatalError(
          'PULSE_DELIVERY_SECRET_KEY',
          'WEBHOOK_SECRET_KEYS is not set, so the secret of an endpoint cannot be stored.',
        );
      }
      const keyId = Buffer.from(current.id, 'latin1');
      const head = Buffer.concat([Buffer.from([VERSION, keyId.length]), keyId]);
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, current.key, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(boundTo(head, endpointId));
      const ciphertext = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return Buffer.concat([head, nonce, cipher.getAuthTag(), ciphertext]);
    },
    open(sealed, endpointId) {
      const { head, keyId, nonce, tag, ciphertext } = partsOf(sealed, endpointId);
      const key = keys.find(({ id }) => id === keyId)?.key;
      if (key === undefined) {
        throw new FatalError(
          'PULSE_DELIVERY_SECRET_KEY',
          `The secret of endpoint ${endpointId} is sealed with the key "${keyId}", which WEBHOOK_SECRET_KEYS does not hold. Add that key behind the current one.`,
        );
      }
      try {
        const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
        decipher.setAAD(boundTo(head, endpointId)).setAuthTag(tag);
        return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8');
      } catch (cause) {
        throw damaged(endpointId, cause);
      }
    },
  };
}

/**
 * Parses `id:base64,id:base64`, as in WEBHOOK_SECRET_KEYS.
 *
 * @throws RejectedError PULSE_DELIVERY_SECRET_KEY, with a message that begins with "must" and never holds a key.
 */
export function parseSecretKeys(text: string): SecretKey[] {
  const keys = text.split(',').map((pair, index) => {
    const [id = '', encoded = '', ...others] = pair.split(':');
    if (!KEY_ID.test(id) || others.length > 0) {
      throw invalid(
        `must be id:base64, or several with commas; pair ${index + 1} has no id of a-z, 0-9, _ and - (32 at most).`,
      );
    }
    const key = Buffer.from(encoded, 'base64');
    if (key.length !== KEY_BYTES || key.toString('base64') !== encoded) {
      throw invalid(
        `must give the key "${id}" as ${KEY_BYTES} bytes in base64; \`openssl rand -base64 ${KEY_BYTES}\` generates them.`,
      );
    }
    return { id, key };
  });
  const repeated = keys.find(({ id }, index) => keys.findIndex((one) => one.id === id) !== index);
  if (repeated !== undefined)
    throw invalid(`must name each key once, but has "${repeated.id}" twice.`);
  return keys;
}

/** A key for servers of one's own machine, as text that `parseSecretKeys` reads. */
export function newSecretKeys(): string {
  return `first:${randomBytes(KEY_BYTES).toString('base64')}`;
}

function boundTo(head: Buffer, endpointId: string): Buffer {
  return Buffer.concat([head, Buffer.from(endpointId, 'utf8')]);
}

function partsOf(sealed: SealedSecret, endpointId: string) {
  const headEnd = 2 + (sealed[1] ?? 0);
  const nonceEnd = headEnd + NONCE_BYTES;
  const tagEnd = nonceEnd + TAG_BYTES;
  if (sealed[0] !== VERSION || sealed.length < tagEnd) throw damaged(endpointId);
  return {
    head: sealed.subarray(0, headEnd),
    keyId: sealed.toString('latin1', 2, headEnd),
    nonce: sealed.subarray(headEnd, nonceEnd),
    tag: sealed.subarray(nonceEnd, tagEnd),
    ciphertext: sealed.subarray(tagEnd),
  };
}

function damaged(endpointId: string, cause?: unknown): FatalError {
  return new FatalError(
    'PULSE_DELIVERY_SECRET_DAMAGED',
    `The stored secret of endpoint ${endpointId} cannot be decrypted. Set a new secret for the endpoint.`,
    { cause },
  );
}

function invalid(message: string): RejectedError {
  return new RejectedError('PULSE_DELIVERY_SECRET_KEY', message);
}

/** SECRET_TOKEN: a static bearer token for a system that cannot log in. Off unless it is set. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** @param secret Undefined: no token matches. */
export function createSecretTokenCheck(secret: string | undefined): (token: string) => boolean {
  if (secret === undefined) return () => false;
  // Hashes, because equal lengths are needed and the time must not depend on the secret.
  const expected = hashOf(secret);
  return (token) => timingSafeEqual(hashOf(token), expected);
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

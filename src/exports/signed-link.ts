/** Links to a file that work without a token until they end. */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

interface LinkParts {
  readonly id: string;
  /** Of the attempt that made the file. */
  readonly fence: number;
  /** Seconds since 1970. */
  readonly expires: number;
}

export interface LinkSigner {
  sign(parts: LinkParts): string;
  /** Whether the signature is that of these parts. Says nothing about the time. */
  isSigned(parts: LinkParts, signature: string): boolean;
}

/** @param secret Of the installation, such as JWT_SECRET; the key is derived from it for this use alone. */
export function createLinkSigner(secret: string): LinkSigner {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'pulse export links', 32));
  const digest = ({ id, fence, expires }: LinkParts): Buffer =>
    createHmac('sha256', key).update(`${id}.${fence}.${expires}`).digest();
  return {
    sign: (parts) => digest(parts).toString('base64url'),
    isSigned(parts, signature) {
      const given = Buffer.from(signature, 'base64url');
      const right = digest(parts);
      return given.length === right.length && timingSafeEqual(given, right);
    },
  };
}

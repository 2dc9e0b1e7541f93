/** Why a webhook got no answer, in one word. */
import { errors } from 'undici';
import { codeOf } from '../core/errors.ts';

export const SEND_FAILURES = [
  'timeout',
  'connect_timeout',
  'refused_address',
  'connection_refused',
  'connection_reset',
  'dns',
  'tls',
  'invalid_answer',
  'answer_too_large',
  'redirect',
  'other',
] as const;
export type SendFailure = (typeof SEND_FAILURES)[number];

/** Codes of the address guard, of undici and of the operating system. */
const FAILURES: Readonly<Record<string, SendFailure>> = {
  PULSE_DELIVERY_ADDRESS_REFUSED: 'refused_address',
  PULSE_DELIVERY_HOST_UNRESOLVED: 'dns',
  PULSE_DELIVERY_ANSWER_TOO_LARGE: 'answer_too_large',
  UND_ERR_CONNECT_TIMEOUT: 'connect_timeout',
  ETIMEDOUT: 'connect_timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  EPIPE: 'connection_reset',
  UND_ERR_SOCKET: 'connection_reset',
  UND_ERR_HEADERS_OVERFLOW: 'invalid_answer',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'invalid_answer',
  EPROTO: 'tls',
};

/** OpenSSL has some eighty codes for certificates that it does not accept. */
const TLS_CODE =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERROR_IN_CE?RT_|INVALID_|PATH_LENGTH_|HOSTNAME_)/;
/** undici gives these the code of a lost connection: an interim answer 100 and an upgrade that nobody asked for. */
const UNEXPECTED_ANSWERS = new Set(['bad response', 'bad upgrade']);
/** The caller's mistakes: an impossible header, and a sender that is closed. */
const CALLER_CODES = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_CLOSED', 'UND_ERR_DESTROYED']);

/** @throws The error itself if it is not on account of the receiver. */
export function sendFailureOf(error: unknown): SendFailure {
  const code = String(codeOf(error));
  if (CALLER_CODES.has(code)) throw error;
  if (error instanceof errors.HTTPParserError) return 'invalid_answer';
  if (TLS_CODE.test(code)) return 'tls';
  // Only the message tells them apart; an unknown one is a lost connection.
  if (code === 'UND_ERR_SOCKET' && UNEXPECTED_ANSWERS.has((error as Error).message)) {
    return 'invalid_answer';
  }
  return FAILURES[code] ?? 'other';
}

/** Checks and corrects the headers that Node and Fastify would handle worse. */
import type { IncomingMessage } from 'node:http';
import { HTTP_PROBLEMS, ProblemError } from './problems.ts';

type Request = Pick<IncomingMessage, 'headers' | 'httpVersion'>;

/** @throws ProblemError 400 or 417. */
export function checkHeaders({ headers, httpVersion }: Request): void {
  if (httpVersion === '1.1' && headers.host === undefined) {
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_MALFORMED_HTTP, {
      detail: 'The Host header is missing.',
      headers: { connection: 'close' },
    });
  }
  const { expect } = headers;
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_EXPECTATION, {
      detail: 'Only `Expect: 100-continue` is supported.',
    });
  }
}

const IPV4_WITH_PORT = /^(\d+\.\d+\.\d+\.\d+):\d+$/;
const IPV6_IN_BRACKETS = /^\[([\da-f:.]+)\](?::\d+)?$/i;

/**
 * Removes the ports that some proxies add to addresses. Otherwise each connection of a client would count as another
 * address.
 */
export function removeForwardedPorts({ headers }: Request): void {
  const forwarded = headers['x-forwarded-for'];
  if (typeof forwarded !== 'string') return;
  headers['x-forwarded-for'] = forwarded
    .split(',')
    .map((address) => {
      const text = address.trim();
      return (IPV4_WITH_PORT.exec(text) ?? IPV6_IN_BRACKETS.exec(text))?.[1] ?? text;
    })
    .join(', ');
}

/** Every answer is whole, as a server may choose. The plugin for static files would fail on a range that a file lacks. */
export function removeRange({ headers }: Request): void {
  delete headers.range;
}

/** Ports for private servers. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the range that systems use for outgoing connections (from 32768 on Linux, 49152 elsewhere). In that
 * range, a client that keeps connecting to a killed server's port may be given the same port as its source,
 * connect to itself, and block the server's restart.
 */
const LOWEST = 20_000;
const HIGHEST = 32_767;
const TRIES_MAX = 200;

/** A loopback port that is free now; another process may still take it first. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const port = randomInt(LOWEST, HIGHEST + 1);
    if (await isFree(port)) return port;
  }
  throw new Error(`No free port between ${LOWEST} and ${HIGHEST}.`);
}

export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ port, host: '127.0.0.1', exclusive: true });
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

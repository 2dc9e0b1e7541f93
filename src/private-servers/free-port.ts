/** Ports for private servers. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the range from which systems take ports for outgoing connections (32768 on Linux, 49152
 * elsewhere). Inside it, a client that keeps dialling a killed server's port may at last be given that very
 * port as its own, connect to itself, and keep the server from coming back.
 */
const LOWEST = 20_000;
const HIGHEST = 32_767;
const TRIES_MAX = 200;

/** A loopback port that nobody listens on at this moment; another process may still take it first. */
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

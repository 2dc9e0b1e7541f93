/** `pulse api` as a separate process, and a client that is logged in. */
import { randomBytes } from 'node:crypto';
import { tokenHeader } from './api-requests.ts';
import { openHttpConnection } from './http-connection.ts';
import { pulseEnv, type Installation } from './installation.ts';
import { startPulseProcess } from './pulse-process.ts';
import type { BenchContext } from './scenario.ts';

const USERNAME = 'bench';

/** Starts it on the installation's servers; the caller closes it, and what it connects. */
export async function startBenchApi(
  { servers, profileDirectory }: BenchContext,
  { queue, redisUrl, databaseUrl }: Installation,
) {
  const password = randomBytes(12).toString('hex');
  const api = await startPulseProcess({
    command: 'api',
    profileDirectory,
    env: {
      ...pulseEnv({ rabbitmqUrl: servers.rabbitmqUrl, redisUrl, databaseUrl, queue }),
      JWT_SECRET: randomBytes(32).toString('hex'),
      ADMIN_USERNAME: USERNAME,
      ADMIN_PASSWORD: password,
      // One caller sends requests as fast as they are answered, which is more than the limit for one caller.
      RATE_LIMIT_PER_MINUTE: '0',
    },
  });
  const origin = api.ready.api ?? '';
  const headers = await tokenHeader(origin, { username: USERNAME, password });
  const connect = () => openHttpConnection(origin, headers);
  return { api, connect, ...headers };
}

/** Looks whether the servers of an instance answer. */
import type { ServersEnv } from './guardian-protocol.ts';
import { probePostgres } from './postgres-server.ts';
import { SERVER_NAMES, type ServerName } from './process-spec.ts';
import { probeRabbitmq } from './rabbitmq-server.ts';
import { probeRedis } from './redis-server.ts';

/** The servers that do not complete a handshake within a few seconds. */
export async function silentServers(env: ServersEnv): Promise<ServerName[]> {
  const probes: Readonly<Record<ServerName, () => Promise<void>>> = {
    rabbitmq: () => probeRabbitmq(env.RABBITMQ_URL),
    redis: () => probeRedis(env.REDIS_URL),
    postgres: () => probePostgres(env.DATABASE_URL),
  };
  const answers = await Promise.allSettled(SERVER_NAMES.map((name) => probes[name]()));
  return SERVER_NAMES.filter((_name, index) => answers[index]?.status === 'rejected');
}

/** Finds the addresses of a receiver's host. */
import { lookup as systemLookup, Resolver } from 'node:dns/promises';
import { TransientError } from '../core/errors.ts';

/**
 * All addresses of a host name, of both families.
 *
 * @throws TransientError PULSE_DELIVERY_HOST_UNRESOLVED
 */
export type ResolveHost = (hostname: string) => Promise<readonly string[]>;

const QUERY_TIMEOUT_MS = 1_500;
const QUERY_TRIES = 2;

/**
 * Asks the DNS servers of this machine, without getaddrinfo: that blocks one of Node's four pool threads, so four
 * receivers with slow name servers would stop every look-up of the process.
 *
 * @param options.systemNames Whether names that DNS does not know are looked up as the system does, for example
 * in /etc/hosts. For operators whose own servers are receivers.
 */
export function createHostResolver({
  systemNames,
  servers,
}: {
  readonly systemNames: boolean;
  /** Of DNS; those of this machine if undefined. */
  readonly servers?: readonly string[] | undefined;
}): ResolveHost {
  return async (hostname) => {
    const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
    if (servers !== undefined) resolver.setServers(servers);
    const answers = await Promise.allSettled([
      resolver.resolve4(hostname),
      resolver.resolve6(hostname),
    ]);
    const addresses = answers.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    if (addresses.length > 0) return addresses;
    const failed = answers.find((one) => one.status === 'rejected');
    if (!systemNames) throw unresolved(hostname, failed?.reason);
    try {
      return (await systemLookup(hostname, { all: true })).map(({ address }) => address);
    } catch (cause) {
      throw unresolved(hostname, cause);
    }
  };
}

export function unresolved(hostname: string, cause?: unknown): TransientError {
  const message = `No address was found for the host ${hostname}.`;
  return new TransientError('PULSE_DELIVERY_HOST_UNRESOLVED', message, { cause });
}

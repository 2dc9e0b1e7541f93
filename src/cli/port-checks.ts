/** Checks the ports of a long-running process before it starts anything. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Config } from '../config.ts';
import { codeOf, FatalError } from '../core/errors.ts';
import { portHolder } from '../platform/port-holder.ts';

interface Listener {
  /** The prefix of its two variables. */
  readonly name: 'API' | 'METRICS';
  readonly host: string;
  readonly port: number;
}

/**
 * Refuses ports that cannot be opened, all at once, with the process that holds each and the variable to set.
 *
 * @throws FatalError PULSE_PORT_UNUSABLE
 */
export async function assertPortsUsable(
  { api, metrics }: Pick<Config, 'api' | 'metrics'>,
  { hasApi }: { readonly hasApi: boolean },
): Promise<void> {
  const listeners: Listener[] = [
    ...(hasApi ? [{ name: 'API' as const, host: api.host, port: api.port }] : []),
    { name: 'METRICS', host: metrics.host, port: metrics.port },
  ];
  const sentences: string[] = [];
  if (hasApi && api.port !== 0 && api.port === metrics.port) {
    sentences.push(`API_PORT and METRICS_PORT are both ${api.port}: set one of them to another.`);
  }
  for (const listener of listeners) {
    const code = await listenError(listener);
    if (code !== null) sentences.push(describe(listener, code));
  }
  if (sentences.length > 0)
    throw new FatalError('PULSE_PORT_UNUSABLE', sentences.join('\npulse: '));
}

/** @returns Null when it can be opened. Another process may still take it before it is. */
async function listenError({ host, port }: Listener): Promise<string | null> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
    return null;
  } catch (error) {
    return String(codeOf(error) ?? 'unknown');
  } finally {
    server.close();
  }
}

function describe({ name, host, port }: Listener, code: string): string {
  return describeUnusable({ host, port, hostName: `${name}_HOST`, portName: `${name}_PORT` }, code);
}

/** Why a server cannot listen, and which of its settings to change. */
export function describeUnusable(
  place: { host: string; port: number; hostName: string; portName: string },
  code: string,
): string {
  const { host, port, hostName, portName } = place;
  if (code !== 'EADDRINUSE') {
    return `${hostName}, ${portName}: cannot listen on ${host}:${port} (${code}).`;
  }
  const holder = portHolder(port);
  const who = holder === null ? 'another process' : `process ${holder.pid} (${holder.command})`;
  return `Port ${port} is in use by ${who}. Stop it, or set ${portName} to another port.`;
}

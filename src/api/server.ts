/** The API on a port. */
import type { AddressInfo } from 'node:net';
import { FatalError } from '../core/errors.ts';
import { createApp, type ApiDeps, type ApiOptions } from './app.ts';

export interface ListenOptions extends ApiOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** How long requests in progress may take to finish at close, in milliseconds. */
  readonly closeTimeoutMs: number;
}

export interface RunningApi {
  /** The base URL, without a trailing slash. */
  readonly url: string;
  /**
   * Stops accepting requests, waits for those in progress, and cuts off the rest after `closeTimeoutMs`. Calling it
   * again returns the same promise.
   */
  close(): Promise<void>;
}

const CLOSE_IDLE_MS = 100;

/**
 * Creates the API and listens.
 *
 * @throws FatalError PULSE_API_LISTEN cannot listen on the address; names the variables to change.
 */
export async function startApi(deps: ApiDeps, options: ListenOptions): Promise<RunningApi> {
  const { host, port, closeTimeoutMs } = options;
  const app = await createApp(deps, options);
  try {
    await app.listen({ host, port, listenTextResolver: () => 'api listening' });
  } catch (error) {
    await app.close();
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new FatalError(
      'PULSE_API_LISTEN',
      `API_HOST, API_PORT: cannot listen on ${host}:${port} (${code}).`,
      { cause: error },
    );
  }
  let closed: Promise<void> | undefined;
  return {
    url: urlOf(host, (app.server.address() as AddressInfo).port),
    close: () => (closed ??= closeWithin(closeTimeoutMs)),
  };

  async function closeWithin(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => {
      deps.logger.warn({ timeoutMs }, 'api requests cut off at close');
      app.server.closeAllConnections();
    }, timeoutMs);
    // The hook would be too late: requests answered before it runs would keep their connections.
    app.lifecycle.closing = true;
    // Those that were being answered at this moment would as well.
    const idle = setInterval(() => {
      app.server.closeIdleConnections();
    }, CLOSE_IDLE_MS);
    try {
      await app.close();
    } finally {
      clearTimeout(timer);
      clearInterval(idle);
    }
  }
}

/** A wildcard address cannot be called; it includes the loopback address. */
function urlOf(host: string, port: number): string {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

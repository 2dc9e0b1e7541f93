/** Opens one RabbitMQ connection, and waits for the server when a process starts. */
import { connect, type Channel, type ChannelModel } from 'amqplib';
import { PulseError, TransientError } from '../core/errors.ts';
import { waitAtMost } from './backoff.ts';
import { withChildSignal } from './child-signal.ts';
import { guardHeaders } from './header-guard.ts';
import { hostUrls } from './server-urls.ts';
import { waitForServer, type WaitOptions } from './wait-for-server.ts';

export interface RabbitConnectionOptions {
  /** Shown in RabbitMQ's list of connections. */
  readonly name: string;
  /** Aborts connecting; has no effect once the connection is open. */
  readonly signal?: AbortSignal | undefined;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
const HEARTBEAT_SECONDS = '15';
const CLOSE_TIMEOUT_MS = 3_000;
const SOCKET_LINGER_MS = 1_000;

/**
 * Opens one connection, trying the URL's hosts in random order. This spreads connections over the nodes of a
 * cluster, and a node that is down only costs one refused attempt. It does not reconnect: startRabbitSession
 * does.
 *
 * @throws Error of the last host's socket or handshake, after at most ten seconds per host. May quote the
 * server, never the password.
 */
export async function openRabbitConnection(
  url: string,
  options: RabbitConnectionOptions,
): Promise<ChannelModel> {
  const waiting = hostUrls(url);
  for (;;) {
    const [one = url] = waiting.splice(Math.floor(Math.random() * waiting.length), 1);
    try {
      return await openHost(one, options);
    } catch (error) {
      if (waiting.length === 0 || options.signal?.aborted === true) throw error;
    }
  }
}

async function openHost(
  url: string,
  { name, signal }: RabbitConnectionOptions,
): Promise<ChannelModel> {
  // Given a signal that has aborted before, net.connect reports it and then connects all the same.
  signal?.throwIfAborted();
  const connecting = new AbortController();
  const giveUp = (): void => {
    connecting.abort();
  };
  signal?.addEventListener('abort', giveUp, { once: true });
  // `signal` reaches net.connect; amqplib itself cannot abort a handshake.
  const socketOptions = {
    timeout: HANDSHAKE_TIMEOUT_MS,
    keepAlive: true,
    keepAliveDelay: 30_000,
    noDelay: true,
    clientProperties: { connection_name: name },
    signal: connecting.signal,
  };
  try {
    const connection = await connect(withHeartbeat(url), socketOptions);
    // Without a listener, an 'error' would end the process. The 'close' that follows carries the same error.
    connection.on('error', () => undefined);
    guardHeaders(connection);
    return connection;
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
}

/**
 * Closes a connection that may be dead, within about three seconds, and frees its socket.
 *
 * amqplib ends a socket but never destroys it, so a silent peer would keep the process alive. It is destroyed with
 * an error, because only that makes amqplib stop its heartbeats, whose timers would do the same.
 */
export async function closeRabbitConnection(connection: ChannelModel): Promise<void> {
  try {
    const closing = connection.close();
    await waitAtMost(CLOSE_TIMEOUT_MS, closing);
    closing.catch(() => undefined);
  } catch {
    // Already closed.
  }
  const { stream } = connection.connection as { stream?: { destroy: (error: Error) => void } };
  setTimeout(() => {
    stream?.destroy(new Error('RabbitMQ did not answer the close.'));
  }, SOCKET_LINGER_MS).unref();
}

/**
 * Runs `work` on a connection that exists for it alone.
 *
 * @throws TransientError PULSE_RABBIT_UNREACHABLE when RabbitMQ cannot be reached, or the connection was lost.
 */
export async function withRabbitConnection<T>(
  url: string,
  options: RabbitConnectionOptions,
  work: (connection: ChannelModel) => Promise<T>,
): Promise<T> {
  const unreachable = (error: unknown): TransientError =>
    new TransientError('PULSE_RABBIT_UNREACHABLE', `RabbitMQ: ${causeOf(error)}.`, {
      cause: error,
    });
  const connection = await openRabbitConnection(url, options).catch((error: unknown) => {
    throw unreachable(error);
  });
  const link = { lost: false };
  connection.once('close', () => {
    link.lost = true;
  });
  try {
    return await work(connection);
  } catch (error) {
    throw link.lost && !(error instanceof PulseError) ? unreachable(error) : error;
  } finally {
    await closeRabbitConnection(connection);
  }
}

/**
 * Closes a channel. Also resolves when its connection is lost, in which case the promise of amqplib's own
 * `close` never settles.
 *
 * @throws IllegalOperationError of amqplib when it is already closed or closing.
 */
export async function closeChannel(channel: Channel): Promise<void> {
  const ended = new Promise<void>((resolve) => channel.once('close', resolve));
  await Promise.race([channel.close(), ended]);
}

/**
 * Waits until RabbitMQ accepts a connection, for at most `timeoutMs`. A refused user or virtual host
 * ends the wait at once, because waiting does not help.
 *
 * @throws FatalError PULSE_RABBIT_UNREACHABLE, with the variable and the server but never the password.
 */
export async function waitForRabbit(url: string, options: WaitOptions): Promise<void> {
  await waitForServer(
    {
      name: 'RabbitMQ',
      variable: 'RABBITMQ_URL',
      url,
      code: 'PULSE_RABBIT_UNREACHABLE',
      async attempt(leftMs) {
        const ends = [AbortSignal.timeout(leftMs), ...(options.signal ? [options.signal] : [])];
        await withChildSignal(ends, async (signal) => {
          const connection = await openRabbitConnection(url, { name: 'pulse start', signal });
          await closeRabbitConnection(connection);
        });
      },
      refusalOf: (error) => refusalOf(url, error),
      silenceOf: (error) => `does not answer (${causeOf(error)})`,
    },
    options,
  );
}

/**
 * Why waiting will not help; undefined when it may.
 *
 * Read from the message, because amqplib gives handshake errors no code. If the message changes, the wait
 * just lasts its full time.
 */
function refusalOf(url: string, error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { username, pathname } = new URL(hostUrls(url)[0] ?? url);
  if (error.message.startsWith('Handshake terminated by server: 403')) {
    return `refuses user "${username === '' ? 'guest' : decodeURIComponent(username)}" or its password`;
  }
  if (error.message.startsWith('Expected ConnectionOpenOk; got <ConnectionClose')) {
    const vhost = decodeURIComponent(pathname.slice(1));
    return `refuses virtual host "${vhost === '' ? '/' : vhost}": it does not exist, or the user has no access to it`;
  }
  return undefined;
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'no answer in time';
  return (error as NodeJS.ErrnoException).code ?? error.message;
}

function withHeartbeat(url: string): string {
  const parsed = new URL(url);
  if (!parsed.searchParams.has('heartbeat')) {
    parsed.searchParams.set('heartbeat', HEARTBEAT_SECONDS);
  }
  return parsed.href;
}

/**
 * One RabbitMQ connection that is kept alive: the loop around amqplib's plain `connect()`.
 *
 * The library's own recovery is not used. It rebuilds no channels, ignores a channel that closes by
 * itself, and never reconnects after a connection that dies during its `setup`.
 */
import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib';
import { PulseError, TransientError } from '../core/errors.ts';
import { backoffDelayMs, sleep, waitAtMost } from './backoff.ts';
import { serverOf, type Logger } from './logger.ts';
import { closeChannel, closeRabbitConnection, openRabbitConnection } from './rabbit-connection.ts';

/** One connection of a session, from open to lost. */
export interface RabbitLink {
  /** Counts the connections of the session, from 1. Delivery tags of another generation are void. */
  readonly generation: number;
  /** False from the moment the link is lost; acknowledgements must be dropped from then on. */
  readonly alive: boolean;
  readonly connection: ChannelModel;
  /** A channel whose end, however it comes, ends the link. Owners must not close it themselves. */
  createChannel(): Promise<Channel>;
  /** The same with confirms. `highWaterMark` counts frames. */
  createConfirmChannel(options?: { highWaterMark: number }): Promise<ConfirmChannel>;
  /**
   * Closes one of its channels without ending the link. The broker takes what was sent on it first, such as
   * acknowledgements; what was not acknowledged is redelivered.
   */
  closeChannel(channel: Channel): Promise<void>;
  /** Gives the link up, for example because the broker cancelled a consumer; the first call counts. */
  fail(error: Error): void;
}

export interface RabbitSessionOptions {
  readonly url: string;
  /** Shown by RabbitMQ beside the connection, and in logs. */
  readonly name: string;
  readonly logger: Logger;
  /**
   * Builds channels and consumers on a new connection. Should await AMQP only: a link that dies
   * meanwhile is replaced without waiting for it. A PulseError that is not retryable ends the session.
   */
  readonly setup: (link: RabbitLink) => Promise<void>;
  /** Called once for every link that was opened, when it is lost or closed. Must not throw. */
  readonly onLost?: (error: Error, link: RabbitLink) => void;
  /** The broker stopped (true) or resumed (false) reading: it is short of memory or disk. */
  readonly onBlockedChange?: (blocked: boolean) => void;
  /** The session has ended by itself, because `setup` threw an error that no retry mends. */
  readonly onFatal?: (error: PulseError) => void;
  /** Closes the session when aborted. */
  readonly signal?: AbortSignal;
  /** Replaced in tests. */
  readonly open?: typeof openRabbitConnection;
  /** Waits between attempts; the default suits everything but tests. */
  readonly backoff?: { readonly baseMs: number; readonly capMs: number };
}

/**
 * A session is, in turn:
 * - `connecting`: opening a connection or running `setup`, or waiting between two attempts;
 * - `ready`: `setup` has finished; a lost connection or channel leads back to `connecting`;
 * - `closed`: by `close()` or the signal, for good;
 * - `failed`: `setup` threw what no retry mends, for good.
 */
export interface RabbitSession {
  readonly state: 'connecting' | 'ready' | 'closed' | 'failed';
  readonly blocked: boolean;
  /** Resolves when the session is `ready`, at once if it is; rejects when it ends before. */
  readonly ready: Promise<void>;
  /** Closes channels, then the connection, within a few seconds. What is unacknowledged is redelivered. */
  close(): Promise<void>;
}

const RECONNECT = { baseMs: 100, capMs: 5_000 };
const SETUP_TIMEOUT_MS = 30_000;
/** A link that lived for less counts as another failed attempt, so that a 404 in a loop backs off. */
const STABLE_MS = 5_000;
const CHANNELS_CLOSE_TIMEOUT_MS = 3_000;

/** Starts a session; it connects in the background and reconnects until it is closed. */
export function startRabbitSession(options: RabbitSessionOptions): RabbitSession {
  const stopping = new AbortController();
  const { signal } = options;
  const stop = signal === undefined ? stopping.signal : AbortSignal.any([stopping.signal, signal]);
  const status = { state: 'connecting' as RabbitSession['state'], blocked: false, generation: 0 };
  let readiness = createReadiness();
  const loop: Loop = {
    stop,
    status,
    onReady: () => {
      status.state = 'ready';
      readiness.resolve();
    },
    onLost: (error, link) => {
      if (status.state === 'ready') readiness = createReadiness();
      status.state = 'connecting';
      options.onLost?.(error, link);
    },
  };
  const ended = keepConnected(options, loop).then((error) => {
    status.state = error === undefined ? 'closed' : 'failed';
    readiness.reject(
      error ?? new TransientError('PULSE_RABBIT_UNREACHABLE', 'The session was closed.'),
    );
    if (error !== undefined) options.onFatal?.(error);
  });
  return {
    get state() {
      return status.state;
    },
    get blocked() {
      return status.blocked;
    },
    get ready() {
      return readiness.promise;
    },
    close() {
      stopping.abort();
      return ended;
    },
  };
}

interface Loop {
  readonly stop: AbortSignal;
  readonly status: { state: RabbitSession['state']; blocked: boolean; generation: number };
  readonly onReady: () => void;
  readonly onLost: (error: Error, link: RabbitLink) => void;
}

function createReadiness() {
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // Whoever does not wait for it learns of the end through `onFatal`.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** Returns when stopped, or with the error that no retry mends. */
async function keepConnected(
  options: RabbitSessionOptions,
  loop: Loop,
): Promise<PulseError | undefined> {
  const { url, name, logger, backoff = RECONNECT } = options;
  let attempt = 0;
  for (;;) {
    const { error, stable } = await runLink(options, loop);
    if (loop.stop.aborted) return undefined;
    if (error instanceof PulseError && !error.retryable) {
      logger.error({ err: error, server: serverOf(url), session: name }, 'rabbitmq session failed');
      return error;
    }
    if (stable) attempt = 0;
    const delayMs = backoffDelayMs(attempt, backoff);
    logger.warn(
      { err: error, server: serverOf(url), session: name, attempt, delayMs: Math.round(delayMs) },
      'rabbitmq connection lost',
    );
    attempt++;
    await sleep(delayMs, loop.stop);
  }
}

/** Opens one link, sets it up, and waits until it is lost. */
async function runLink(
  options: RabbitSessionOptions,
  { stop, status, onReady, onLost }: Loop,
): Promise<{ error: Error; stable: boolean }> {
  const { url, name, logger, open = openRabbitConnection } = options;
  let connection: ChannelModel;
  try {
    connection = await open(url, { name, signal: stop });
  } catch (error) {
    return { error: toError(error), stable: false };
  }
  const startedMs = performance.now();
  const link = createLink(connection, ++status.generation);
  const onStop = (): void => {
    link.fail(new TransientError('PULSE_RABBIT_UNREACHABLE', 'The session is closing.'));
  };
  if (stop.aborted) onStop();
  stop.addEventListener('abort', onStop, { once: true });
  const setBlocked = (blocked: boolean): void => {
    if (status.blocked === blocked) return;
    status.blocked = blocked;
    logger.warn({ session: name, blocked }, 'rabbitmq changed whether it accepts publications');
    options.onBlockedChange?.(blocked);
  };
  connection.on('blocked', () => {
    setBlocked(true);
  });
  connection.on('unblocked', () => {
    setBlocked(false);
  });

  const setupTimer = setTimeout(() => {
    link.fail(new TransientError('PULSE_TIMEOUT', 'RabbitMQ did not finish the set-up in time.'));
  }, SETUP_TIMEOUT_MS);
  runSetup(options.setup, link).then(
    () => {
      clearTimeout(setupTimer);
      if (!link.alive) return;
      logger.info({ server: serverOf(url), session: name }, 'rabbitmq connected');
      onReady();
    },
    (error: unknown) => {
      link.fail(toError(error));
    },
  );
  const error = await link.lost;
  clearTimeout(setupTimer);
  stop.removeEventListener('abort', onStop);
  onLost(error, link);
  setBlocked(false);
  if (stop.aborted) await link.closeChannels();
  await closeRabbitConnection(connection);
  return { error, stable: performance.now() - startedMs >= STABLE_MS };
}

/** Turns a synchronous throw of `setup` into a rejection. */
async function runSetup(setup: RabbitSessionOptions['setup'], link: RabbitLink): Promise<void> {
  if (link.alive) await setup(link);
}

interface OwnedLink extends RabbitLink {
  /** Resolves with why the link was lost; never rejects. */
  readonly lost: Promise<Error>;
  /** Flushes what the channels still hold, such as acknowledgements: a connection's close overtakes it. */
  closeChannels(): Promise<void>;
}

function createLink(connection: ChannelModel, generation: number): OwnedLink {
  const channels = new Set<Channel>();
  let alive = true;
  let resolveLost: (error: Error) => void = () => undefined;
  const lost = new Promise<Error>((resolve) => {
    resolveLost = resolve;
  });
  const fail = (error: Error): void => {
    alive = false;
    resolveLost(error);
  };
  connection.on('error', fail);
  connection.on('close', (error?: Error) => {
    fail(error ?? new Error('RabbitMQ connection closed'));
  });
  const adopt = <C extends Channel>(channel: C): C => {
    channels.add(channel);
    channel.on('error', fail);
    channel.on('close', () => {
      if (channels.has(channel)) fail(new Error('RabbitMQ channel closed'));
    });
    return channel;
  };
  return {
    generation,
    connection,
    lost,
    fail,
    get alive() {
      return alive;
    },
    createChannel: async () => adopt(await connection.createChannel()),
    createConfirmChannel: async (options) => adopt(await connection.createConfirmChannel(options)),
    async closeChannel(channel) {
      channels.delete(channel);
      await closeChannel(channel);
    },
    async closeChannels() {
      const closing = Promise.allSettled([...channels].map(closeChannel));
      await waitAtMost(CHANNELS_CLOSE_TIMEOUT_MS, closing);
    },
  };
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error('unknown error', { cause: error });
}

/**
 * Keeps one RabbitMQ connection alive: a reconnect loop around amqplib's plain `connect()`.
 *
 * We do not use the library's own recovery. It does not reopen channels, ignores a channel that the broker
 * closes, and never reconnects if a connection dies during its `setup`.
 */
import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib';
import { PulseError, toError, TransientError } from '../core/errors.ts';
import { backoffDelayMs, sleep, waitAtMost } from './backoff.ts';
import { serverOf, type Logger } from './logger.ts';
import { createOutageLog, type OutageLog } from './outage-log.ts';
import { closeChannel, closeRabbitConnection, openRabbitConnection } from './rabbit-connection.ts';

/** One connection of a session, from open to lost. */
export interface RabbitLink {
  /** Numbers the connections of the session, from 1. Delivery tags of other generations are void. */
  readonly generation: number;
  /** False once the link is lost; from then on, drop acknowledgements. */
  readonly alive: boolean;
  readonly connection: ChannelModel;
  /** Opens a channel. If it closes for any reason, the link is lost. Owners must not close it themselves. */
  createChannel(): Promise<Channel>;
  /** The same with publisher confirms. `highWaterMark` counts frames. */
  createConfirmChannel(options?: { highWaterMark: number }): Promise<ConfirmChannel>;
  /**
   * Closes one of its channels and keeps the link. The broker first handles what was sent on the channel, such
   * as acknowledgements, and redelivers what was not acknowledged.
   */
  closeChannel(channel: Channel): Promise<void>;
  /** Ends the link, for example because the broker cancelled a consumer. Only the first error counts. */
  fail(error: Error): void;
}

export interface RabbitSessionOptions {
  readonly url: string;
  /** Shown in RabbitMQ's list of connections, and in logs. */
  readonly name: string;
  readonly logger: Logger;
  /**
   * Opens channels and consumers on a new connection. Should await only AMQP: if the link dies meanwhile, the
   * session replaces it without waiting for `setup`. A PulseError that is not retryable ends the session.
   */
  readonly setup: (link: RabbitLink) => Promise<void>;
  /** Called once per opened link, when it is lost or closed. Must not throw. */
  readonly onLost?: (error: Error, link: RabbitLink) => void;
  /** The broker stopped (true) or resumed (false) reading because it is low on memory or disk. */
  readonly onBlockedChange?: (blocked: boolean) => void;
  /** The session failed: `setup` threw an error that a retry cannot fix. */
  readonly onFatal?: (error: PulseError) => void;
  /** Closes the session when aborted. */
  readonly signal?: AbortSignal;
  /** Replaced in tests. */
  readonly open?: typeof openRabbitConnection;
  /** Waits between attempts; replaced in tests. */
  readonly backoff?: { readonly baseMs: number; readonly capMs: number };
}

/**
 * The states of a session:
 * - `connecting`: opening a connection, running `setup`, or waiting between two attempts;
 * - `ready`: `setup` has finished; if the connection or a channel is lost, back to `connecting`;
 * - `closed`: final, after `close()` or the signal;
 * - `failed`: final, after `setup` threw an error that a retry cannot fix.
 */
export interface RabbitSession {
  readonly state: 'connecting' | 'ready' | 'closed' | 'failed';
  readonly blocked: boolean;
  /** Resolves once the session is `ready`; rejects if it ends before that. */
  readonly ready: Promise<void>;
  /** Closes channels, then the connection, within a few seconds. Unacknowledged deliveries are redelivered. */
  close(): Promise<void>;
}

const RECONNECT = { baseMs: 100, capMs: 5_000 };
const SETUP_TIMEOUT_MS = 30_000;
/** A link that lasted less than this counts as a failed attempt, so that a repeated 404 backs off. */
const STABLE_MS = 5_000;
const CHANNELS_CLOSE_TIMEOUT_MS = 3_000;

/** Starts a session. It connects in the background and reconnects until it is closed. */
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
  // Callers that do not await it hear of a failure through `onFatal`.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** Returns when stopped, or with the error that a retry cannot fix. */
async function keepConnected(
  options: RabbitSessionOptions,
  loop: Loop,
): Promise<PulseError | undefined> {
  const { url, name, logger, backoff = RECONNECT } = options;
  const outage = createOutageLog({
    logger,
    facts: { server: serverOf(url), session: name },
    failedText: 'rabbitmq connection lost',
    endedText: 'rabbitmq connected again',
  });
  let attempt = 0;
  for (;;) {
    const { error, stable } = await runLink(options, { ...loop, outage });
    if (loop.stop.aborted) return undefined;
    if (error instanceof PulseError && !error.retryable) {
      logger.error({ err: error, server: serverOf(url), session: name }, 'rabbitmq session failed');
      return error;
    }
    if (stable) attempt = 0;
    const delayMs = backoffDelayMs(attempt, backoff);
    outage.failed(error, { attempt, delayMs: Math.round(delayMs) });
    attempt++;
    await sleep(delayMs, loop.stop);
  }
}

/** Opens one link, sets it up, and waits until it is lost. */
async function runLink(
  options: RabbitSessionOptions,
  { stop, status, onReady, onLost, outage }: Loop & { readonly outage: OutageLog },
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
    logger.warn({ session: name, blocked }, 'rabbitmq blocked or unblocked publishing');
    options.onBlockedChange?.(blocked);
  };
  connection.on('blocked', () => {
    setBlocked(true);
  });
  connection.on('unblocked', () => {
    setBlocked(false);
  });

  const setupTimer = setTimeout(() => {
    link.fail(new TransientError('PULSE_TIMEOUT', 'RabbitMQ did not complete the set-up in time.'));
  }, SETUP_TIMEOUT_MS);
  runSetup(options.setup, link).then(
    () => {
      clearTimeout(setupTimer);
      if (!link.alive) return;
      logger.debug({ server: serverOf(url), session: name }, 'rabbitmq connected');
      outage.ended();
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

/** Async, so that a synchronous throw of `setup` becomes a rejection. */
async function runSetup(setup: RabbitSessionOptions['setup'], link: RabbitLink): Promise<void> {
  if (link.alive) await setup(link);
}

interface OwnedLink extends RabbitLink {
  /** Resolves with the reason when the link is lost; never rejects. */
  readonly lost: Promise<Error>;
  /** Flushes pending frames such as acknowledgements, which closing the connection would overtake. */
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

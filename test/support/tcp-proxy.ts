/** A TCP proxy between a client and one server, for every kind of network fault. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export type Direction = 'request' | 'reply';

/** One connection through the proxy. */
export interface Line {
  /** What a watcher wants to remember about this connection. */
  readonly notes: Set<string>;
  destroy(): void;
  /** Lets the server do the work, discards its next reply, and resets: the client never learns the result. */
  swallowReply(): void;
  /** Delays what the client sends from now on. */
  hold(milliseconds: number): void;
}

/** Sees every chunk before it is forwarded; false discards it. */
export type Watcher = (direction: Direction, chunk: Buffer, line: Line) => boolean;

export interface TcpProxy {
  /** The server's URL with the proxy's address. */
  readonly url: string;
  /** Resets every connection and refuses new ones until `heal`. */
  cut(): void;
  /** Resets every connection; accepts new ones. */
  reset(): void;
  /** Ends every connection without a reset, in which case drivers have no error code to show. */
  hangUp(): void;
  /** A black hole: accepts connections, forwards nothing, closes nothing. Held bytes arrive after `heal`. */
  stall(): void;
  /** The same, but only for the connections that are open now. */
  stallOpen(): void;
  /** Connects new clients to another server; open connections stay where they are. */
  follow(serverUrl: string): void;
  /** Forwards everything with this delay. */
  delay(milliseconds: number): void;
  /** Resets the first connection that passes this many bytes in one direction. */
  cutAfter(direction: Direction, bytes: number): void;
  /** Discards everything in one direction; `heal` resets the connections that lost bytes. */
  swallow(direction: Direction): void;
  watch(watcher: Watcher | undefined): void;
  /** Sends bytes to every client as if they came from the server. */
  inject(bytes: Buffer): void;
  /** Ends every fault. */
  heal(): void;
  close(): Promise<void>;
}

interface State {
  mode: 'whole' | 'cut' | 'stalled';
  delayMs: number;
  swallowed: Direction | undefined;
  cutAfter: { direction: Direction; bytes: number } | undefined;
  watcher: Watcher | undefined;
}

const WHOLE: State = {
  mode: 'whole',
  delayMs: 0,
  swallowed: undefined,
  cutAfter: undefined,
  watcher: undefined,
};

/** Starts a proxy to the server of `serverUrl`. */
export async function startTcpProxy(serverUrl: string): Promise<TcpProxy> {
  let address = addressOf(serverUrl);
  const state = { ...WHOLE };
  const lines = new Set<OpenLine>();
  const listener = createServer((client) => {
    if (state.mode === 'cut') client.resetAndDestroy();
    else lines.add(openLine(client, connect(address), state, (line) => lines.delete(line)));
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const url = new URL(serverUrl);
  url.hostname = '127.0.0.1';
  url.port = String((listener.address() as AddressInfo).port);
  const reset = (): void => {
    for (const line of lines) line.destroy();
  };
  return {
    url: url.href,
    reset,
    cut() {
      state.mode = 'cut';
      reset();
    },
    hangUp() {
      for (const line of lines) line.hangUp();
    },
    stall() {
      state.mode = 'stalled';
    },
    stallOpen() {
      for (const line of lines) line.stalled = true;
    },
    follow(newUrl) {
      address = addressOf(newUrl);
    },
    delay(milliseconds) {
      state.delayMs = milliseconds;
    },
    cutAfter(direction, bytes) {
      state.cutAfter = { direction, bytes };
    },
    swallow(direction) {
      state.swallowed = direction;
    },
    watch(watcher) {
      state.watcher = watcher;
    },
    inject(bytes) {
      for (const line of lines) line.inject(bytes);
    },
    heal() {
      const damaged = [...lines].filter(({ damaged }) => damaged);
      Object.assign(state, WHOLE);
      for (const line of damaged) line.destroy();
      for (const line of lines) {
        line.stalled = false;
        line.flush();
      }
    },
    async close() {
      state.mode = 'cut';
      reset();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

function addressOf(url: string) {
  const { hostname: host, port } = new URL(url);
  return { host, port: Number(port) };
}

interface OpenLine extends Line {
  /** It lost bytes, so it cannot go on. */
  readonly damaged: boolean;
  stalled: boolean;
  hangUp(): void;
  flush(): void;
  inject(bytes: Buffer): void;
}

function openLine(
  client: Socket,
  server: Socket,
  state: State,
  onClosed: (line: OpenLine) => void,
): OpenLine {
  const waiting: Record<Direction, { chunk: Buffer; dueMs: number }[]> = { request: [], reply: [] };
  const heldUntilMs: Record<Direction, number> = { request: 0, reply: 0 };
  let swallowNextReply = false;
  let holdNextMs = 0;
  let damaged = false;
  const destroy = (): void => {
    client.resetAndDestroy();
    server.destroy();
    onClosed(line);
  };
  const flush = (): void => {
    for (const direction of ['request', 'reply'] as const) {
      const queue = waiting[direction];
      const to = direction === 'request' ? server : client;
      while (queue[0] !== undefined && state.mode === 'whole' && !line.stalled) {
        const leftMs = Math.max(queue[0].dueMs, heldUntilMs[direction]) - performance.now();
        if (leftMs > 0) {
          setTimeout(flush, leftMs);
          break;
        }
        to.write(queue.shift()!.chunk);
      }
    }
  };
  const line: OpenLine = {
    notes: new Set(),
    stalled: false,
    get damaged() {
      return damaged;
    },
    destroy,
    hangUp: () => void client.end(),
    flush,
    inject: (bytes) => void client.write(bytes),
    swallowReply() {
      swallowNextReply = true;
    },
    hold(milliseconds) {
      holdNextMs = milliseconds;
    },
  };
  const take = (direction: Direction, chunk: Buffer): void => {
    if (direction === 'reply' && swallowNextReply) {
      destroy();
      return;
    }
    if (state.swallowed === direction || state.watcher?.(direction, chunk, line) === false) {
      damaged = true;
      return;
    }
    let passed = chunk;
    const limit = state.cutAfter;
    if (limit?.direction === direction) {
      passed = chunk.subarray(0, limit.bytes);
      limit.bytes -= passed.length;
    }
    waiting[direction].push({ chunk: passed, dueMs: performance.now() + state.delayMs });
    flush();
    if (holdNextMs > 0) heldUntilMs.request = performance.now() + holdNextMs;
    holdNextMs = 0;
    if (limit?.bytes !== 0 || limit.direction !== direction) return;
    state.cutAfter = undefined;
    setImmediate(destroy);
  };
  client.on('data', (chunk: Buffer) => {
    take('request', chunk);
  });
  server.on('data', (chunk: Buffer) => {
    take('reply', chunk);
  });
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    from.setNoDelay(true);
    from.on('error', () => undefined);
    from.on('close', () => {
      to.destroy();
      onClosed(line);
    });
  }
  return line;
}

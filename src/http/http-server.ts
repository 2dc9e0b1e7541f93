/** The Node server below Fastify. It limits pipelining, and closes waiting responses together with their socket. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';

/** In milliseconds. Fastify sets no limits by default. */
export interface ConnectionTimeouts {
  /** For the whole request to arrive. */
  readonly requestTimeout: number;
  /** For a socket without traffic. */
  readonly connectionTimeout: number;
  /** Between two requests on a connection. */
  readonly keepAliveTimeout: number;
}

export interface HttpServerOptions extends ConnectionTimeouts {
  /** Called when a client has sent more requests on a socket than it may. The socket is gone then. */
  readonly onPipelining?: (address: string | undefined) => void;
}

/**
 * Requests that may wait for their answers on one socket. No usual client pipelines at all. Without a limit, one
 * packet of short requests would make the server hold thousands of answers that the client does not read.
 */
export const UNANSWERED_MAX = 8;

export function createHttpServer(handle: RequestListener, options: HttpServerOptions): Server {
  const { requestTimeout, keepAliveTimeout, connectionTimeout, onPipelining } = options;
  const unanswered = new WeakMap<Socket, Set<ServerResponse>>();

  const admit = (req: IncomingMessage, res: ServerResponse): void => {
    const { socket } = req;
    // The parser goes on with what it has read after the socket was destroyed.
    if (socket.destroyed) return;
    const waiting = unanswered.get(socket);
    if (waiting === undefined) return;
    if (waiting.size >= UNANSWERED_MAX) {
      onPipelining?.(socket.remoteAddress);
      socket.destroy();
      return;
    }
    waiting.add(res);
    res.once('close', () => waiting.delete(res));
    handle(req, res);
  };

  const server = createServer(
    // Fastify answers a missing Host with a problem document; Node would answer without a body.
    { requestTimeout, keepAliveTimeout, requireHostHeader: false },
    admit,
  );
  server.on('checkExpectation', admit);
  server.setTimeout(connectionTimeout);
  server.on('connection', (socket) => {
    const waiting = new Set<ServerResponse>();
    unanswered.set(socket, waiting);
    socket.once('close', () => {
      for (const res of waiting) closeResponse(res);
    });
  });
  return server;
}

/**
 * Does what Node does only for the one response that owns the socket. A response that waits behind it would never
 * emit `close`, and whatever its request holds would never be released.
 */
function closeResponse(res: ServerResponse): void {
  if (res.closed) return;
  Object.assign(res, { destroyed: true, _closed: true });
  res.emit('close');
}

/**
 * The Node server below Fastify. It limits pipelining and the connections of one address, and closes waiting responses
 * together with their socket.
 */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { BlockList, isIPv6, type Socket } from 'node:net';
import { addressGroup } from '../core/address-group.ts';

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
  /** Proxies, as addresses or CIDR ranges, whose connections are not counted. Default: none. */
  readonly proxies?: readonly string[] | undefined;
  /** Connections of another address. Default: `CONNECTIONS_MAX`. */
  readonly connectionsMax?: number;
  /** Called when a client has sent more than it may, or has connected too often. The socket is gone then. */
  readonly onExcess?: (what: Excess, address: string | undefined) => void;
}

export type Excess = 'unanswered requests' | 'connections';

/**
 * Requests that may wait for their answers on one socket. No usual client pipelines at all. Without a limit, one
 * packet of short requests would make the server hold thousands of answers that the client does not read.
 */
export const UNANSWERED_MAX = 8;

/**
 * Open connections of one address, of IPv6 its /64 network. Nobody needs as many, except a proxy that is not named. A
 * connection without a request is closed only after half a minute or more.
 */
const CONNECTIONS_MAX = 2_000;

/** How often Node looks for requests that are late. Its default, half a minute, would double `requestTimeout`. */
const LATE_CHECK_MS = 2_000;

export function createHttpServer(handle: RequestListener, options: HttpServerOptions): Server {
  const { requestTimeout, keepAliveTimeout, connectionTimeout, onExcess } = options;
  const unanswered = new WeakMap<Socket, Set<ServerResponse>>();

  const admit = (req: IncomingMessage, res: ServerResponse): void => {
    const { socket } = req;
    // The parser goes on with what it has read after the socket was destroyed.
    if (socket.destroyed) return;
    const waiting = unanswered.get(socket);
    if (waiting === undefined) return;
    if (waiting.size >= UNANSWERED_MAX) {
      onExcess?.('unanswered requests', socket.remoteAddress);
      socket.destroy();
      return;
    }
    waiting.add(res);
    res.once('close', () => waiting.delete(res));
    handle(req, res);
  };

  const server = createServer(
    {
      requestTimeout,
      keepAliveTimeout,
      connectionsCheckingInterval: LATE_CHECK_MS,
      // Fastify answers a missing Host with a problem document; Node would answer without a body.
      requireHostHeader: false,
    },
    admit,
  );
  server.on('checkExpectation', admit);
  server.setTimeout(connectionTimeout);
  const countIn = createConnectionCount(options);
  server.on('connection', (socket) => {
    if (!countIn(socket)) {
      onExcess?.('connections', socket.remoteAddress);
      socket.destroy();
      return;
    }
    const waiting = new Set<ServerResponse>();
    unanswered.set(socket, waiting);
    socket.once('close', () => {
      for (const res of waiting) closeResponse(res);
    });
  });
  return server;
}

/** Creates a counter of open connections. @returns Whether a connection may stay: its address does not have too many. */
function createConnectionCount({
  proxies = [],
  connectionsMax = CONNECTIONS_MAX,
}: HttpServerOptions): (socket: Socket) => boolean {
  const uncounted = new BlockList();
  for (const range of proxies) {
    const [address = '', bits = isIPv6(address) ? '128' : '32'] = range.split('/');
    uncounted.addSubnet(address, Number(bits), familyOf(address));
  }
  const counts = new Map<string, number>();
  return (socket) => {
    const { remoteAddress } = socket;
    // Without one it is closed already, or a Unix socket.
    if (remoteAddress === undefined) return true;
    if (uncounted.check(remoteAddress, familyOf(remoteAddress))) return true;
    const group = addressGroup(remoteAddress);
    const count = counts.get(group) ?? 0;
    if (count >= connectionsMax) return false;
    counts.set(group, count + 1);
    socket.once('close', () => {
      const left = (counts.get(group) ?? 1) - 1;
      if (left === 0) counts.delete(group);
      else counts.set(group, left);
    });
    return true;
  };
}

function familyOf(address: string): 'ipv6' | 'ipv4' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
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

/** A TCP proxy in front of RabbitMQ whose cable can be cut, for faults that must not hurt other tests. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface RabbitProxy {
  readonly url: string;
  readonly connectionCount: number;
  /** Cuts every connection and refuses new ones until `mend`. */
  cut(): void;
  mend(): void;
  /** Passes on nothing any more, in neither direction, without closing. */
  stall(): void;
  /** Sends bytes to every client as if the broker had. */
  inject(bytes: Buffer): void;
  close(): Promise<void>;
}

/** Starts a proxy to the broker of `brokerUrl`. */
export async function startRabbitProxy(brokerUrl: string): Promise<RabbitProxy> {
  const broker = new URL(brokerUrl);
  const pairs = new Set<{ client: Socket; server: Socket }>();
  let refusing = false;
  const listener = createServer((client) => {
    if (refusing) {
      client.destroy();
      return;
    }
    const server = connect({ host: broker.hostname, port: Number(broker.port) });
    const pair = { client, server };
    pairs.add(pair);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const url = new URL(brokerUrl);
  url.hostname = '127.0.0.1';
  url.port = String((listener.address() as AddressInfo).port);
  const destroyAll = (): void => {
    for (const { client, server } of pairs) {
      client.destroy();
      server.destroy();
    }
  };
  return {
    url: url.href,
    get connectionCount() {
      return pairs.size;
    },
    cut() {
      refusing = true;
      destroyAll();
    },
    mend() {
      refusing = false;
    },
    stall() {
      for (const { client, server } of pairs) {
        client.unpipe();
        server.unpipe();
        client.pause();
        server.pause();
      }
    },
    inject(bytes) {
      for (const { client } of pairs) client.write(bytes);
    },
    async close() {
      refusing = true;
      destroyAll();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

/** The frame by which a broker that is short of memory says that it has stopped reading. */
export const BLOCKED_FRAME = methodFrame(60, Buffer.from('\x06memory'));
/** The frame that ends it. */
export const UNBLOCKED_FRAME = methodFrame(61, Buffer.alloc(0));

function methodFrame(methodId: number, fields: Buffer): Buffer {
  const head = Buffer.from([1, 0, 0, 0, 0, 0, 4 + fields.length, 0, 10, 0, methodId]);
  return Buffer.concat([head, fields, Buffer.from([0xce])]);
}

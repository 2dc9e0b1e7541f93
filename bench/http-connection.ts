/**
 * One persistent HTTP/1.1 connection that only sends and reads. Node's own client took longer per request than the
 * API did, and would have been part of the measurement.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface HttpConnection {
  /** @returns The answer's body. @throws Error when the status is not 200 or 202. */
  get(path: string): Promise<string>;
  /** Sends JSON. @throws Error when the status is not 200 or 202. */
  post(path: string, body: unknown): Promise<string>;
  close(): void;
}

const HEAD_END = '\r\n\r\n';
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;

/**
 * Connects. One request at a time; every answer must carry a Content-Length.
 *
 * @param origin For example http://127.0.0.1:3000.
 */
export async function openHttpConnection(
  origin: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpConnection> {
  const { host, hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.setNoDelay(true);
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}`);
  const send = async (start: string, own: readonly string[], body: string): Promise<string> => {
    // The server closes what was idle for a minute, and the event has passed then.
    if (socket.closed) throw new Error(`${start}: the connection was closed.`);
    const answer = readAnswer(socket, start);
    socket.write([start, ...lines, ...own, '', body].join('\r\n'));
    return answer;
  };
  return {
    get: (path) => send(`GET ${path} HTTP/1.1`, [], ''),
    post(path, body) {
      const text = JSON.stringify(body);
      const own = ['content-type: application/json', `content-length: ${Buffer.byteLength(text)}`];
      return send(`POST ${path} HTTP/1.1`, own, text);
    },
    close: () => socket.destroy(),
  };
}

function readAnswer(socket: Socket, what: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let missing = Infinity;
    const stop = (): void => {
      socket.off('data', onData).off('error', fail).off('close', onClose);
    };
    const fail = (error: Error): void => {
      stop();
      reject(error);
    };
    const onClose = (): void => {
      fail(new Error(`${what}: the connection was closed.`));
    };
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      if (missing === Infinity) {
        const bytes = Buffer.concat(chunks);
        const headBytes = bytes.indexOf(HEAD_END);
        if (headBytes < 0) return;
        const length = CONTENT_LENGTH.exec(bytes.toString('latin1', 0, headBytes))?.[1];
        if (length === undefined) {
          fail(new Error(`${what}: the answer has no Content-Length.`));
          return;
        }
        missing = headBytes + HEAD_END.length + Number(length) - bytes.length;
      } else {
        missing -= chunk.length;
      }
      if (missing > 0) return;
      const [head = '', ...body] = Buffer.concat(chunks).toString('utf8').split(HEAD_END);
      if (!/^HTTP\/1\.1 20[02] /.test(head)) {
        fail(new Error(`${what} answered ${head}`));
        return;
      }
      stop();
      resolve(body.join(HEAD_END));
    };
    socket.on('data', onData).on('error', fail).on('close', onClose);
  });
}

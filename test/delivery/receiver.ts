/** A receiver of webhooks that verifies each request with the public package, and answers as it is told. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface ReceivedWebhook {
  readonly id: string;
  readonly timestamp: string;
  readonly body: string;
  /** The secrets that verify it, of those that the receiver knows. */
  readonly verifiedBy: readonly string[];
}

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

/** @param answer Default: 204 to everything. */
export async function startReceiver(
  answer: (
    response: ServerResponse,
    received: ReceivedWebhook,
    request: IncomingMessage,
  ) => void = (response) => {
    response.writeHead(204).end();
  },
) {
  const received: ReceivedWebhook[] = [];
  const secrets: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const headers = request.headers as Record<string, string>;
      const one: ReceivedWebhook = {
        id: headers['webhook-id'] ?? '',
        timestamp: headers['webhook-timestamp'] ?? '',
        body,
        verifiedBy: secrets.filter((secret) => verifies(secret, body, headers)),
      };
      received.push(one);
      answer(response, one, request);
    });
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    /** It verifies with each of them. */
    secrets,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function verifies(secret: string, body: string, headers: Record<string, string>): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

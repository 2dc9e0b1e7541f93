/** Stands in for the external service, and fails as it is told, for trying out failures. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface StandInOptions extends Failures {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly delayMs: number;
  readonly onAnswer: (status: number, idempotencyKey: string) => void;
}

interface Failures {
  /** The share of calls that get 503. */
  readonly failRate: number;
  /** Orders with this SKU get 503. */
  readonly failSku: string | undefined;
  /** Orders with this SKU get 422, which is final. */
  readonly refuseSku: string | undefined;
}

const BODY_BYTES_MAX = 1024 * 1024;

export async function startEnrichmentStandIn(options: StandInOptions) {
  const { host, port, delayMs, onAnswer } = options;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
    });
    request.on('end', () => {
      const key = request.headers['idempotency-key'] ?? '-';
      const text = Buffer.concat(chunks).toString('utf8');
      void delay(delayMs).then(() => {
        onAnswer(answerOrder(response, text, options), String(key));
      });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
  const bound = server.address() as AddressInfo;
  const shownHost = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return {
    url: `http://${shownHost}:${bound.port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
}

/** @returns The status. */
function answerOrder(response: ServerResponse, text: string, failures: Failures): number {
  const skus = skusOf(text);
  const has = (sku: string | undefined): boolean => sku !== undefined && skus.includes(sku);
  if (has(failures.refuseSku)) return send(response, 422, { error: 'The order is refused.' });
  if (has(failures.failSku) || Math.random() < failures.failRate) {
    return send(response, 503, { error: 'The service is out of order.' });
  }
  return send(response, 200, { risk: 'low', checked_at: new Date().toISOString() });
}

function send(response: ServerResponse, status: number, body: object): number {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  return status;
}

function skusOf(text: string): readonly unknown[] {
  try {
    const { items } = JSON.parse(text) as { items?: readonly { sku?: unknown }[] };
    return items?.map(({ sku }) => sku) ?? [];
  } catch {
    return [];
  }
}

/** `pulse enrichment-service`: stands in for the external service, for trying out failures. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import { EXIT_DONE } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { integer } from '../cli/options.ts';

const BODY_BYTES_MAX = 1024 * 1024;

function rate(text: string): number {
  const value = Number(text);
  if (/^\d(\.\d+)?$/.test(text) && value <= 1) return value;
  throw new InvalidArgumentError('It must be a number from 0 to 1.');
}

export const enrichmentService = defineCommand({
  options: {
    host: { value: '<address>', about: 'the address to listen on', default: '127.0.0.1' },
    port: integer('the port to listen on; 0 picks a free one', {
      min: 0,
      max: 65_535,
      default: 4_000,
    }),
    delayMs: integer('how long each answer takes', { min: 0, max: 600_000, default: 0 }),
    failRate: {
      value: '<0..1>',
      about: 'the share of calls that get 503',
      parse: rate,
      default: 0,
    },
    failSku: { value: '<sku>', about: 'orders with this SKU get 503' },
    refuseSku: { value: '<sku>', about: 'orders with this SKU get 422, which is final' },
  },
  json: 'print one line of JSON with the URL once ready',
  examples: [
    'pulse enrichment-service --delay-ms 200 --fail-rate 0.2',
    'pulse enrichment-service --fail-sku XYZ',
  ],
  async run({ flags, stop, answer, tell }) {
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
        void delay(flags.delayMs).then(() => {
          const status = answerOrder(response, text, flags);
          tell(`${new Date().toISOString()} ${status} ${String(key)}`);
        });
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(flags.port, flags.host, resolve);
    });
    const { address, family, port } = server.address() as AddressInfo;
    const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
    answer({ url }, `ENRICHMENT_URL=${url}`);
    await new Promise<void>((resolve) => {
      stop.addEventListener('abort', () => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      });
    });
    return EXIT_DONE;
  },
});

interface Failures {
  readonly failRate: number;
  readonly failSku: string | undefined;
  readonly refuseSku: string | undefined;
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

/** The external service for a round of orders: it records every call, and fails as the round demands. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** `slow` answers after the timeout, `garbage` answers without JSON, `cut` does not answer. */
export type ServiceMood = 'well' | 'down' | 'slow' | 'garbage' | 'cut';

export interface ServiceCall {
  readonly key: string;
  readonly orderId: string;
}

export interface EnrichmentServer {
  readonly url: string;
  readonly calls: readonly ServiceCall[];
  mood: ServiceMood;
  /** Calls that met a mood other than `well`. */
  readonly harmedCount: number;
  close(): Promise<void>;
}

/** An order with this SKU gets 503 on its first call. */
export const FLAKY_SKU = 'flaky';
/** An order with this SKU gets 422. */
export const REFUSED_SKU = 'refused';

/** Longer than ENRICHMENT_TIMEOUT_MS in a round. */
const SLOW_MS = 1_500;

interface CallBody {
  readonly order_id: string;
  readonly items: readonly { readonly sku: string }[];
}

export async function startEnrichmentServer(): Promise<EnrichmentServer> {
  const calls: ServiceCall[] = [];
  const state = { mood: 'well' as ServiceMood, harmedCount: 0 };
  const answer = (body: CallBody, response: ServerResponse): void => {
    if (state.mood !== 'well') state.harmedCount += 1;
    const isFirst = calls.filter(({ orderId }) => orderId === body.order_id).length === 1;
    const has = (sku: string) => body.items.some((item) => item.sku === sku);
    if (state.mood === 'cut') response.destroy();
    else if (state.mood === 'down') response.writeHead(503).end();
    else if (state.mood === 'garbage') response.end('<html>');
    else if (state.mood === 'slow') setTimeout(() => response.end('{"risk":"late"}'), SLOW_MS);
    else if (has(REFUSED_SKU)) response.writeHead(422).end('refused');
    else if (has(FLAKY_SKU) && isFirst) response.writeHead(503).end();
    else response.end('{"risk":"low"}');
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as CallBody;
      const key = String(request.headers['idempotency-key']);
      calls.push({ key, orderId: body.order_id });
      answer(body, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    get mood() {
      return state.mood;
    },
    set mood(mood) {
      state.mood = mood;
    },
    get harmedCount() {
      return state.harmedCount;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
}

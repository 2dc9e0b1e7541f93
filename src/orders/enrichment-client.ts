/**
 * The external service that may know more about an order: one POST per attempt, bounded in time and
 * size, behind a circuit breaker for each customer.
 */
import { SpanKind } from '@opentelemetry/api';
import { BrokenCircuitError, CircuitState } from 'cockatiel';
import { TransientError } from '../core/errors.ts';
import { isStorable } from '../core/storable.ts';
import { TRACEPARENT } from '../core/trace-context.ts';
import { ImpossibleError, PutOffError } from '../messaging/handler.ts';
import { withChildSignal } from '../platform/child-signal.ts';
import type { Logger } from '../platform/logger.ts';
import type { Tracing } from '../platform/tracing.ts';
import { createCustomerBreakers, OPEN_MS } from './customer-breakers.ts';

/** What the service is told. */
export interface EnrichmentRequest {
  readonly orderId: string;
  readonly customerId: string;
  readonly currency: string;
  readonly totalAmount: string;
  readonly items: readonly {
    readonly sku: string;
    readonly qty: number;
    readonly amount: string;
  }[];
}

export const CALL_OUTCOMES = ['answered', 'refused', 'failed', 'suspended'] as const;
/** `suspended`: not called, because the circuit is open. */
export type CallOutcome = (typeof CALL_OUTCOMES)[number];

export interface EnrichmentClient {
  /** Whether calls for a customer are suspended because several in a row have failed, until one succeeds. */
  readonly isOpen: boolean;
  /**
   * Calls once. The Idempotency-Key is the order's id, so a repeated call is the same call.
   *
   * @returns The JSON object that the service answered.
   * @throws TransientError PULSE_ENRICHMENT_UNAVAILABLE No answer in time, a 5xx, 408 or 429, or an answer that
   * is not a JSON object.
   * @throws PutOffError PULSE_ENRICHMENT_UNAVAILABLE Calls for the customer are suspended.
   * @throws ImpossibleError Any other status: the service refuses the order.
   */
  enrich(
    request: EnrichmentRequest,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>>>;
}

const UNAVAILABLE = 'PULSE_ENRICHMENT_UNAVAILABLE';
const ANSWER_BYTES_MAX = 64 * 1024;
const ANSWER_DEPTH_MAX = 64;
const RETRYABLE_STATUSES = new Set([408, 425, 429]);
const DETAIL_LENGTH_MAX = 200;

export function createEnrichmentClient(options: {
  readonly url: string;
  readonly timeoutMs: number;
  readonly logger: Logger;
  readonly tracing: Tracing;
  /** Called after each call, and for each that was not made. */
  readonly onCall: (outcome: CallOutcome, seconds: number) => void;
}): EnrichmentClient {
  const { url, timeoutMs, logger, tracing, onCall } = options;
  const breakers = createCustomerBreakers({
    suspended(customerId) {
      const facts = { customerId, openMs: OPEN_MS };
      logger.warn(facts, 'enrichment service failing; calls for a customer are suspended');
    },
    resumed(customerId) {
      logger.info({ customerId }, 'enrichment service answers again');
    },
  });
  return {
    get isOpen() {
      return breakers.isAnyOpen;
    },
    async enrich(request, signal) {
      const startedMs = performance.now();
      const record = (outcome: CallOutcome): void => {
        onCall(outcome, (performance.now() - startedMs) / 1000);
      };
      try {
        const breaker = breakers.of(request.customerId);
        // One call tries the service. Others do not wait for it: they would keep places that orders of others need.
        if (breaker.state === CircuitState.HalfOpen) throw new BrokenCircuitError();
        const answer = await breaker.execute(() =>
          tracing.span('call enrichment service', { kind: SpanKind.CLIENT }, () =>
            withChildSignal([signal, AbortSignal.timeout(timeoutMs)], (own) =>
              call(url, request, { traceparent: tracing.carriedTraceparent(), signal: own }),
            ),
          ),
        );
        record('answered');
        return answer;
      } catch (error) {
        if (error instanceof BrokenCircuitError) {
          record('suspended');
          throw new PutOffError(
            UNAVAILABLE,
            'Calls to the enrichment service for this customer are suspended after several failures.',
          );
        }
        record(error instanceof ImpossibleError ? 'refused' : 'failed');
        throw error;
      }
    },
  };
}

async function call(
  url: string,
  { orderId, customerId, currency, totalAmount, items }: EnrichmentRequest,
  { traceparent, signal }: { traceparent: string | undefined; signal: AbortSignal },
): Promise<Readonly<Record<string, unknown>>> {
  const body = JSON.stringify({
    order_id: orderId,
    customer_id: customerId,
    currency,
    total_amount: totalAmount,
    items,
  });
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': orderId,
        ...(traceparent === undefined ? {} : { [TRACEPARENT]: traceparent }),
      },
      body,
      redirect: 'manual',
      signal,
    });
  } catch (cause) {
    throw signal.aborted
      ? late(cause)
      : unavailable('The enrichment service could not be reached.', cause);
  }
  const { status } = response;
  const { bytes, isWhole } = await readBounded(response).catch((cause: unknown) => {
    throw signal.aborted
      ? late(cause)
      : unavailable('The answer of the enrichment service broke off.', cause);
  });
  if (status >= 500 || RETRYABLE_STATUSES.has(status)) {
    throw unavailable(`The enrichment service answered ${status}.`);
  }
  if (status < 200 || status >= 300) {
    const said = bytes
      .toString('utf8')
      .slice(0, DETAIL_LENGTH_MAX)
      .replace(/[^\x20-\x7e]/g, ' ');
    const detail = `The enrichment service answered ${status}${said === '' ? '' : `: ${said}`}.`;
    throw new ImpossibleError({ code: 'enrichment_refused', detail });
  }
  const answer = isWhole ? parseObject(bytes) : undefined;
  if (answer === undefined) {
    throw unavailable(
      isWhole
        ? 'The enrichment service answered something other than a JSON object in UTF-8.'
        : `The enrichment service answered more than ${ANSWER_BYTES_MAX / 1024} KiB.`,
    );
  }
  if (!isStorable(answer, ANSWER_DEPTH_MAX)) {
    const detail =
      'The answer of the enrichment service is nested too deep, or holds a NUL, half a character or a number like 1e400.';
    throw new ImpossibleError({ code: 'enrichment_refused', detail });
  }
  return answer;
}

/** Reads at most `ANSWER_BYTES_MAX`. */
async function readBounded({ body }: Response): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    chunks.push(chunk);
    // Leaving the loop cancels the rest.
    if (length > ANSWER_BYTES_MAX) break;
  }
  const bytes = Buffer.concat(chunks).subarray(0, ANSWER_BYTES_MAX);
  return { bytes, isWhole: length <= ANSWER_BYTES_MAX };
}

function parseObject(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function late(cause: unknown): TransientError {
  return unavailable('The enrichment service did not answer in time.', cause);
}

function unavailable(message: string, cause?: unknown): TransientError {
  return new TransientError(UNAVAILABLE, message, { cause });
}

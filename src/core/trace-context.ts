/** The W3C trace context as one text, `traceparent`, for HTTP and AMQP headers and between threads. */

export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Bit 0: the trace is recorded. */
  readonly traceFlags: number;
}

export const TRACEPARENT = 'traceparent';

const SAMPLED = 1;
/** Later versions may append parts; version `ff` is invalid. */
const FORM = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/;

/** Undefined for anything invalid: headers may come from anywhere. */
export function parseTraceparent(value: unknown): TraceContext | undefined {
  if (typeof value !== 'string') return undefined;
  const [, traceId, spanId, flags = ''] = FORM.exec(value) ?? [];
  if (traceId === undefined || spanId === undefined) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) };
}

export function formatTraceparent({ traceId, spanId, traceFlags }: TraceContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & SAMPLED).toString(16).padStart(2, '0')}`;
}

/** Whether the trace is recorded. A link to any other would lead nowhere. */
export function isSampled({ traceFlags }: TraceContext): boolean {
  return (traceFlags & SAMPLED) === SAMPLED;
}

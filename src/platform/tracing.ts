/**
 * Traces, when OpenTelemetry's variables ask for them.
 *
 * The SDK is loaded only then. Code that traces takes a `Tracing` as an argument, `NO_TRACING` when traces are
 * off. There is no global tracer.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  diag,
  DiagLogLevel,
  INVALID_SPAN_CONTEXT,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  type SpanKind,
} from '@opentelemetry/api';
import type { Sampler, SamplingResult } from '@opentelemetry/sdk-trace';
import { formatTraceparent, isSampled, type TraceContext } from '../core/trace-context.ts';
import { waitAtMost } from './backoff.ts';
import type { Logger } from './logger.ts';
import type { TracingOptions } from './tracing-options.ts';

export interface SpanFacts {
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  /** The parent span, when it runs in another process. */
  readonly parent?: TraceContext | undefined;
  /** Starts a new trace, linked to these. */
  readonly links?: readonly TraceContext[];
}

export interface Tracing {
  /** False for `NO_TRACING`: hot paths then skip the work of preparing spans and reading headers. */
  readonly enabled: boolean;
  /** Runs `work` in a span, a child of the current span unless the facts say otherwise. */
  span<T>(name: string, facts: SpanFacts, work: (span: Span) => Promise<T>): Promise<T>;
  /** A span that the caller ends; `enter` makes it the current one. */
  start(name: string, facts: SpanFacts): Span;
  enter<T>(span: Span, work: () => T): T;
  /** Of the current span; undefined when there is none, or when it is not recorded. */
  traceparent(): string | undefined;
  /** The same, also when it is not recorded; the receiver then does not record either. */
  carriedTraceparent(): string | undefined;
  /** Sends what is left, for at most two seconds. */
  close(): Promise<void>;
}

const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/** Traces are off: runs the work and records nothing. */
export const NO_TRACING: Tracing = {
  enabled: false,
  span: (_name, _facts, work) => work(NO_SPAN),
  start: () => NO_SPAN,
  enter: (_span, work) => work(),
  traceparent: () => undefined,
  carriedTraceparent: () => undefined,
  close: () => Promise.resolve(),
};

const CLOSE_TIMEOUT_MS = 2_000;
const SERVICE_NAME = 'pulse';

/** Loads the SDK and starts exporting over OTLP/HTTP; once per thread. */
export async function startTracing(options: TracingOptions, logger: Logger): Promise<Tracing> {
  const { BatchSpanProcessor, TracerProvider } = await import('@opentelemetry/sdk-trace');
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  reportTo(logger);
  const provider = new TracerProvider({
    resource: await describeService(),
    sampler: await createSampler(options),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  });
  const tracer = provider.getTracer(SERVICE_NAME);
  const running = new AsyncLocalStorage<Context>();

  const start = (name: string, { kind, attributes, parent, links }: SpanFacts): Span => {
    const inherited = links === undefined ? running.getStore() : undefined;
    const context =
      parent === undefined
        ? (inherited ?? ROOT_CONTEXT)
        : trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });
    const facts = {
      ...(kind === undefined ? {} : { kind }),
      ...(attributes === undefined ? {} : { attributes }),
      ...(links === undefined ? {} : { links: links.map((linked) => ({ context: linked })) }),
    };
    return tracer.startSpan(name, facts, context);
  };
  const enter = <T>(span: Span, work: () => T): T =>
    running.run(trace.setSpan(ROOT_CONTEXT, span), work);
  const current = (): SpanContext | undefined => {
    const context = running.getStore();
    return context === undefined ? undefined : trace.getSpanContext(context);
  };
  return {
    enabled: true,
    start,
    enter,
    async span(name, facts, work) {
      const span = start(name, facts);
      try {
        return await enter(span, () => work(span));
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR });
        if (error instanceof Error) span.recordException(error);
        throw error;
      } finally {
        span.end();
      }
    },
    traceparent() {
      const spanContext = current();
      if (spanContext === undefined || !isSampled(spanContext)) return undefined;
      return formatTraceparent(spanContext);
    },
    carriedTraceparent() {
      const spanContext = current();
      return spanContext === undefined ? undefined : formatTraceparent(spanContext);
    },
    async close() {
      await waitAtMost(CLOSE_TIMEOUT_MS, provider.shutdown());
      // The exporter may still be trying. Whoever reads the log has been told that all has stopped.
      diag.disable();
    },
  };
}

/** Logs the SDK's errors as warnings: a collector that does not answer is not a fault of Pulse. */
function reportTo(logger: Logger): void {
  const report = (detail: string): void => {
    logger.warn({ detail }, 'traces cannot be sent');
  };
  const silent = (): void => undefined;
  diag.setLogger(
    { error: report, warn: report, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}

/** `pulse`, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES name it otherwise. */
async function describeService() {
  const resources = await import('@opentelemetry/resources');
  const given = resources.detectResources({ detectors: [resources.envDetector] });
  return resources.resourceFromAttributes({ 'service.name': SERVICE_NAME }).merge(given);
}

async function createSampler({ sampler, ratio }: TracingOptions): Promise<Sampler> {
  const sdk = await import('@opentelemetry/sdk-trace');
  const rootOf = (name: string): Sampler => {
    if (name.endsWith('always_off')) return new sdk.AlwaysOffSampler();
    if (name.endsWith('always_on')) return new sdk.AlwaysOnSampler();
    return new sdk.TraceIdRatioBasedSampler(ratio);
  };
  const root = rootOf(sampler);
  if (!sampler.startsWith('parentbased')) return root;
  return new sdk.ParentBasedSampler({
    root: followLinks(root, { decision: sdk.SamplingDecision.RECORD_AND_SAMPLED }),
  });
}

/**
 * A batch starts a new trace, linked to the traces of its pulses. If one of those is recorded, the batch must be
 * recorded too, or the path from a request to its flush would break here.
 */
function followLinks(root: Sampler, recorded: SamplingResult): Sampler {
  return {
    shouldSample: (...args) => {
      const links: Link[] = args[5];
      return links.some(({ context }) => isSampled(context))
        ? recorded
        : root.shouldSample(...args);
    },
    toString: () => `Linked(${root.toString()})`,
  };
}

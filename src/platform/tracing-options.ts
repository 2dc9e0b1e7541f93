/** The part of OpenTelemetry's standard variables that Pulse reads itself. */

export const TRACES_EXPORTERS = ['otlp', 'none'] as const;
export const TRACES_SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

export type TracesSampler = (typeof TRACES_SAMPLERS)[number];

/**
 * How to trace. The exporter itself reads from the environment where to send spans, with which headers and
 * under which service name.
 */
export interface TracingOptions {
  readonly sampler: TracesSampler;
  /** For the samplers that take a ratio, 0 to 1. */
  readonly ratio: number;
}

export interface TracingVariables {
  readonly OTEL_SDK_DISABLED: boolean;
  readonly OTEL_TRACES_EXPORTER: (typeof TRACES_EXPORTERS)[number] | undefined;
  readonly OTEL_EXPORTER_OTLP_ENDPOINT: string | undefined;
  readonly OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: string | undefined;
  readonly OTEL_TRACES_SAMPLER: TracesSampler;
  readonly OTEL_TRACES_SAMPLER_ARG: number;
}

/** Undefined: tracing is off. It is on when an exporter or an endpoint is set. */
export function tracingOf(env: TracingVariables): TracingOptions | undefined {
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const exporter = env.OTEL_TRACES_EXPORTER ?? (endpoint === undefined ? 'none' : 'otlp');
  if (env.OTEL_SDK_DISABLED || exporter === 'none') return undefined;
  return { sampler: env.OTEL_TRACES_SAMPLER, ratio: env.OTEL_TRACES_SAMPLER_ARG };
}

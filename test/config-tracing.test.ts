import { describe, expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';

describe('tracing', () => {
  const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

  test.each([
    ['nothing is set', {}],
    ['the exporter is none', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }],
    ['the SDK is disabled', { ...ENDPOINT, OTEL_SDK_DISABLED: 'true' }],
  ])('is off when %s', (_why, env) => {
    expect(parseConfig(env).tracing).toBeUndefined();
  });

  test.each([
    ['an endpoint is set', ENDPOINT],
    ['an endpoint for traces is set', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318/v1' }],
    ['the exporter is otlp', { OTEL_TRACES_EXPORTER: 'otlp' }],
  ])('is on when %s', (_why, env) => {
    expect(parseConfig(env).tracing).toEqual({ sampler: 'parentbased_always_on', ratio: 1 });
  });

  test('is sampled as the variables say', () => {
    const sampling = {
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    };
    expect(parseConfig({ ...ENDPOINT, ...sampling }).tracing).toEqual({
      sampler: 'parentbased_traceidratio',
      ratio: 0.25,
    });
    const wrong = { OTEL_TRACES_SAMPLER: 'jaeger', OTEL_TRACES_SAMPLER_ARG: '2' };
    expect(() => parseConfig(wrong)).toThrow(/2 mistakes[^]*OTEL_TRACES_SAMPLER:[^]*SAMPLER_ARG:/);
  });
});

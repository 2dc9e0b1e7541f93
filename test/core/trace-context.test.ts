import { describe, expect, test } from 'vitest';
import { formatTraceparent, isSampled, parseTraceparent } from '../../src/core/trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('parseTraceparent', () => {
  test('parses the format of the W3C recommendation, and formats it again', () => {
    const text = `00-${TRACE}-${SPAN}-01`;
    const context = parseTraceparent(text)!;
    expect(context).toEqual({ traceId: TRACE, spanId: SPAN, traceFlags: 1 });
    expect(isSampled(context)).toBe(true);
    expect(formatTraceparent(context)).toBe(text);
  });

  test('parses a later version with more parts, and drops unknown flags', () => {
    const context = parseTraceparent(`01-${TRACE}-${SPAN}-fe-more`)!;
    expect(isSampled(context)).toBe(false);
    expect(formatTraceparent(context)).toBe(`00-${TRACE}-${SPAN}-00`);
  });

  test.each([
    undefined,
    null,
    7,
    {},
    '',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-1`,
    ` 00-${TRACE}-${SPAN}-01`,
  ])('%j is not a trace context', (value) => {
    expect(parseTraceparent(value)).toBeUndefined();
  });
});

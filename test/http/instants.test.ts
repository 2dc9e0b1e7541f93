import { expect, test } from 'vitest';
import { instant } from '../../src/cli/options.ts';
import { instantFrom, spanFrom } from '../../src/http/instants.ts';

const [EARLY, LATE] = ['0000-01-01T00:00:00Z', '9999-12-31T23:59:59-23:59'];

test.each([EARLY, LATE])('an instant that is stored or answered is not %s', (text) => {
  expect(() => instantFrom('as_of', text)).toThrow();
  expect(() => instant(text)).toThrow('years 1 to 9999');
});

test('a span, which is only compared, may begin and end at any time', () => {
  expect(spanFrom({ from: EARLY, to: LATE })).toEqual({
    fromMs: -62_167_219_200_000,
    toMs: 253_402_387_139_000,
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRowEncoder, escapeCopyText } from '../../src/flush/copy-rows.ts';

const BATCH_ID = '7d0f3c1e-1111-4111-8111-111111111111';

/** Parses COPY's text format according to its manual, independently of the encoder. */
function decodeLine(line: string): (string | null)[] {
  const backslashes: Record<string, string> = { t: '\t', n: '\n', r: '\r', '\\': '\\' };
  return line.split('\t').map((column) => {
    if (column === '\\N') return null;
    return column.replace(/\\(.)/g, (_, letter: string) => backslashes[letter] ?? letter);
  });
}

const hostileText = fc.array(
  fc.oneof(
    fc.constantFrom('\t', '\n', '\r', '\r\n', '\\', '\\N', '\\.', '\\\\', '|', ',', '"', "'"),
    fc.string({ unit: 'grapheme' }),
  ),
);

test('no text can leave its column or row, or be read as NULL or the end of data', () => {
  fc.assert(
    fc.property(hostileText, hostileText, hostileText, (...parts) => {
      const [tenant, sku, unit] = parts.map((part) => part.join('')) as [string, string, string];
      const line = createRowEncoder(BATCH_ID)({
        tenant,
        sku,
        unit,
        amount: { high: 1, whole: 2, nano: 500_000_000 },
        pulseCount: 3,
        windowStartSec: 1_709_632_800,
      });
      const lines = line.split('\n');
      expect(lines).toHaveLength(2);
      expect(lines[1]).toBe('');
      expect(line).not.toMatch(/^\\\.$/m);
      expect(decodeLine(lines[0] ?? '')).toEqual([
        tenant,
        sku,
        unit,
        '1000000000000002.5',
        '3',
        '2024-03-05T10:00:00.000Z',
        BATCH_ID,
      ]);
    }),
  );
});

test('an ordinary text is not changed', () => {
  expect(escapeCopyText('tenant a:b|c"😀')).toBe('tenant a:b|c"😀');
});

/** Bodies as producers may write them: usual, almost usual, or wrong. */
import fc from 'fast-check';
import { TENANT_LENGTH_MAX } from '../../src/contract/rules.ts';
import { arbitraryKeyText, arbitraryNanos, decimalOf } from '../support/pulses.ts';

export const NOW_MS = Date.UTC(2026, 10, 22, 4, 10);
export const USUAL = {
  id: 'p-1',
  tenant: 'acme',
  product_sku: 'vm.small',
  use_unity: 'GB-h',
  used_amount: 12.5,
  timestamp: '2026-11-22T04:05:06.789Z',
};

/** One member as a producer may write it: usual, almost usual, or wrong. */
const arbitraryText = fc.oneof(
  { weight: 6, arbitrary: fc.stringMatching(/^[ -~]{1,130}$/).map((text) => JSON.stringify(text)) },
  { weight: 2, arbitrary: arbitraryKeyText(TENANT_LENGTH_MAX).map((text) => JSON.stringify(text)) },
  fc.constantFrom(
    '""',
    'null',
    '1',
    '"a\\u0041"',
    '"\u007f"',
    '"\\u0000"',
    '"\\ud800"',
    '"a\\"b"',
    '"a\\/b"',
    '"a\\\\"',
    '"a\\x"',
    '"é"',
    '"a',
    `"${'x'.repeat(TENANT_LENGTH_MAX)}"`,
  ),
);
const arbitraryAmount = fc.oneof(
  { weight: 3, arbitrary: arbitraryNanos.map(decimalOf) },
  { weight: 3, arbitrary: arbitraryNanos.map((nanos) => `"${decimalOf(nanos)}"`) },
  fc.stringMatching(/^-?\d{0,17}(\.\d{0,11})?$/),
  fc.stringMatching(/^"\d{0,17}(\.\d{0,11})?"$/),
  fc.double({ noNaN: true }).map(String),
  fc.constantFrom(
    '0',
    '"0"',
    '0.0',
    '"00.5"',
    '007',
    '1e3',
    '1e-400',
    '1.50',
    '"1."',
    '.5',
    '-1',
    '"+1"',
  ),
);
const arbitraryTime = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .date({ min: new Date(NOW_MS - 9e9), max: new Date(NOW_MS + 9e8), noInvalidDate: true })
      .map((date) => `"${date.toISOString()}"`),
  },
  fc.stringMatching(/^"2026-11-22T0[0-4]:[0-6]\d:[0-6]\d(\.\d{0,10})?(Z|z|[+-][0-2]\d:[0-6]\d)?"$/),
  fc.constantFrom(
    '"2026-11-22t04:05:06Z"',
    '"2026-11-31T00:00:00Z"',
    '"2026-11-22T24:00:00Z"',
    '1',
    '""',
  ),
);
export const space = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('', ' ') },
  fc.constantFrom('  ', '\n', '\t'),
);

export const arbitraryObject = fc
  .record({
    tenant: arbitraryText,
    product_sku: arbitraryText,
    use_unity: arbitraryText,
    used_amount: arbitraryAmount,
    id: arbitraryText,
    timestamp: arbitraryTime,
  })
  .chain((members) => {
    const usual = Object.entries({ ...USUAL, used_amount: '12.5' }).map(([name, value]) => [
      name,
      name === 'used_amount' ? value : JSON.stringify(value),
    ]);
    const drawn = Object.entries(members);
    return fc.record({
      // Most members are usual, so that many pulses are.
      members: fc
        .tuple(
          ...usual.map((one, at) =>
            fc.oneof(
              { weight: 5, arbitrary: fc.constant(one) },
              fc.constant(drawn.find(([name]) => name === one[0]) ?? drawn[at]),
            ),
          ),
        )
        .chain((chosen) =>
          fc.oneof(
            { weight: 9, arbitrary: fc.shuffledSubarray(chosen, { minLength: chosen.length }) },
            fc.shuffledSubarray(chosen),
          ),
        ),
      spaces: fc.array(space, { minLength: 1, maxLength: 2 }),
      extra: fc.oneof(
        { weight: 9, arbitrary: fc.constant(undefined) },
        fc.constantFrom('"x":1', '"x":[{"y":"]}"}]', '"tenant":"b"', '"__proto__":{}', ''),
      ),
    });
  })
  .map(({ members, spaces, extra }) => {
    let at = 0;
    const gap = () => spaces[at++ % spaces.length] ?? '';
    const parts = members.map(
      (member) => `${gap()}"${member?.[0]}"${gap()}:${gap()}${member?.[1]}${gap()}`,
    );
    if (extra !== undefined) parts.push(extra);
    return `{${parts.join(',')}}`;
  });

export const arbitraryMessage = fc.record({
  messageId: fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    fc.constantFrom('', 'm-1', 'not \ufffd UTF-8', 'é'.repeat(200)),
  ),
  timestampSec: fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    fc.constantFrom(NOW_MS / 1000, NOW_MS / 1000 - 1e9, NOW_MS / 1000 + 1e9, 0),
  ),
});

export const arbitraryElement = fc.oneof(
  { weight: 12, arbitrary: arbitraryObject },
  {
    weight: 4,
    arbitrary: fc.constant(JSON.stringify({ ...USUAL, id: undefined, timestamp: undefined })),
  },
  fc.json({ maxDepth: 3 }),
  fc.constantFrom('', '{', '"', '"]"', '[[', '{"a":"}"}', '{"a":"\\"}"}', 'nul', '1 2', '}'),
);

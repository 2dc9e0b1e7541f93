import fc from 'fast-check';
import { expect, test } from 'vitest';
import { filledLines } from '../../src/http/filled-lines.ts';

/** The plain way, which makes a text of each line. */
function simpleLines(body: Buffer): string[] {
  const lines: string[] = [];
  for (let start = 0; start < body.length;) {
    const newline = body.indexOf('\n', start);
    const end = newline === -1 ? body.length : newline;
    const line = body.subarray(start, end);
    if (line.toString('utf8').trim() !== '') lines.push(line.toString('latin1'));
    start = end + 1;
  }
  return lines;
}

const linesOf = (body: Buffer) => [...filledLines(body)].map((line) => line.toString('latin1'));

test('each character up to U+FFFF is white space, or is not, as trim has it', () => {
  const differing: string[] = [];
  for (let code = 0; code <= 0xffff; code++) {
    const body = Buffer.from(`${String.fromCharCode(code)}\nx`);
    if (linesOf(body).length !== simpleLines(body).length) differing.push(code.toString(16));
  }
  expect(differing).toEqual([]);
});

const SPACES = ['\n', '\n', '\r\n', ' ', '\t', '\u000b', '\u00a0', '\u1680', '\u2003', '\u2029'];
const OTHERS = ['{"a":1}', '0', '\u0000', '\u0085', '\u200b', '\u00e9', '\u{1f600}', '\ufeff'];
/** Whole characters, and bytes of which some are cut off or no characters. */
const part = fc.oneof(
  fc.constantFrom(...SPACES, ...SPACES, ...OTHERS).map((text) => Buffer.from(text)),
  fc
    .constantFrom(0x0a, 0x20, 0x80, 0xa0, 0xc2, 0xe1, 0xe2, 0xe3, 0xef, 0xff)
    .map((byte) => Buffer.of(byte)),
);

test('the lines are those of the plain way, whatever the body', () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
      const body = Buffer.concat(parts);
      expect(linesOf(body)).toEqual(simpleLines(body));
    }),
    { numRuns: 2_000 },
  );
});

test('empty lines make no text and no part of the body', () => {
  const body = Buffer.from(`${'\n \r\n\u00a0\n'.repeat(10_000)}{"a":1}\n${'\n'.repeat(10_000)}`);
  const cut = body.subarray.bind(body);
  let partCount = 0;
  const counted = Object.assign(body, {
    subarray: (start: number, end: number) => {
      partCount += 1;
      return cut(start, end);
    },
    toString: () => expect.fail('a text was made'),
  });
  expect([...filledLines(counted)]).toHaveLength(1);
  expect(partCount).toBe(1);
});

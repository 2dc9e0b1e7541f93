import { describe, expect, test } from 'vitest';
import { fromReadable, toReadable } from '../../src/quarantine/dead-letter-json.ts';

describe('a body', () => {
  test.each([
    ['text', Buffer.from('{"a":"é😀\u0000"}'), 'utf8'],
    ['nothing', Buffer.alloc(0), 'utf8'],
    ['bytes', Buffer.from([0xff, 0xfe, 0]), 'base64'],
    ['text that ends in half a character', Buffer.from('a😀').subarray(0, 3), 'base64'],
  ])('is readable, and converts back byte for byte: %s', (_name, bytes, encoding) => {
    const readable = toReadable(bytes);
    expect(readable.encoding).toBe(encoding);
    expect(fromReadable(readable)).toEqual(bytes);
  });

  test('that was cut in the middle of a character is still text', () => {
    expect(toReadable(Buffer.from('ab😀').subarray(0, 4), true)).toEqual({
      encoding: 'utf8',
      content: 'ab',
    });
    expect(toReadable(Buffer.from([0xff, 0xff, 0xff, 0xff]), true).encoding).toBe('base64');
  });

  test.each([
    { encoding: 'base64', content: 'not base64!' },
    { encoding: 'base64', content: 'YQ' },
    { encoding: 'utf8', content: 'half \ud800 pair' },
  ] as const)('that would be changed by reading it is refused: %j', (readable) => {
    expect(fromReadable(readable)).toBeUndefined();
  });
});

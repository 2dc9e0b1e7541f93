import { expect, test } from 'vitest';
import { PASSWORD_LENGTH } from '../../src/access/access-rules.ts';
import { PASSWORD_LENGTH_MIN } from '../../web/src/parts/password.ts';

test('the console asks for passwords as long as the API does', () => {
  expect(PASSWORD_LENGTH_MIN).toBe(PASSWORD_LENGTH.min);
});

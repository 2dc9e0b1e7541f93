/** Waiting for a condition. Long enough for a busy machine; a test that passes is not slowed down. */
import { expect } from 'vitest';

const PATIENCE = { timeout: 30_000, interval: 20 };

/**
 * `expect` on what `read` gives, again and again until it holds. Only inside a test.
 *
 * @param options Another `timeout` where the time itself is what the test is about.
 */
export const eventually = <T>(
  read: () => T,
  options: { readonly timeout?: number; readonly interval?: number } = {},
) => expect.poll(read, { ...PATIENCE, ...options });

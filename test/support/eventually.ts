/** Waits for a condition. The timeout suits a busy machine; a test that passes is not slowed down. */
import { expect } from 'vitest';

const PATIENCE = { timeout: 30_000, interval: 20 };

/**
 * Repeats `expect` on what `read` returns until it holds. Only inside a test.
 *
 * @param options Set `timeout` only where the test is about time.
 */
export const eventually = <T>(
  read: () => T,
  options: { readonly timeout?: number; readonly interval?: number } = {},
) => expect.poll(read, { ...PATIENCE, ...options });

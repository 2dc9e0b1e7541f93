/** Waiting for a condition. Long enough for a machine that is busy with other things; a test that passes is not slowed down. */
import { expect } from 'vitest';

/** `expect` on what `read` gives, again and again until it holds. */
export const eventually = <T>(read: () => T) =>
  expect.poll(read, { timeout: 30_000, interval: 20 });

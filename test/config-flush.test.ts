import { expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';

test.each(['0 * * * *', '@daily', '0 0 0 * * *', '*/7 * * * * *', '0 0 29 2 *', '0 0 L * *'])(
  'FLUSH_CRON may be "%s"',
  (cron) => {
    expect(parseConfig({ FLUSH_CRON: cron }).flush.cron).toBe(cron);
  },
);

test.each(['hourly', '0 0 31 2 *', '0 0 30W 2 *', '0 0 L-30 2 *'])(
  'FLUSH_CRON is refused without a tick: "%s"',
  (cron) => {
    expect(() => parseConfig({ FLUSH_CRON: cron })).toThrow(
      /FLUSH_CRON: must be a cron expression/,
    );
  },
);

import { expect, test } from 'vitest';
import { parseEvent } from '../../src/events/events.ts';

const NAMES = { id: 'e-1', producer: 'p', type: 't', client: 'c', data: {} };
const CLOUD = { specversion: '1.0', id: 'e-1', source: 'p', subject: 'c', type: 't', data: {} };

function parse(value: object) {
  return parseEvent(value, () => JSON.stringify(value));
}

test.each(['0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', '0000-12-31T23:00:00-01:00'])(
  'an event may have happened at %s',
  (instant) => {
    const occurredAt = new Date(instant);
    expect(parse({ ...NAMES, timestamp: instant })).toMatchObject({
      ok: true,
      event: { occurredAt },
    });
    expect(parse({ ...CLOUD, time: instant })).toMatchObject({ ok: true, event: { occurredAt } });
  },
);

test.each(['0000-12-31T23:59:59Z', '0001-01-01T00:59:59+01:00', '9999-12-31T23:00:00-01:00'])(
  'no event happened at %s, which has another year in UTC',
  (timestamp) => {
    const detail = expect.stringContaining('years 1 to 9999') as string;
    expect(parse({ ...NAMES, timestamp })).toMatchObject({
      ...{ ok: false, failure: { code: 'invalid_event', pointer: '/timestamp', detail } },
    });
    expect(parse({ ...CLOUD, time: timestamp })).toMatchObject({
      ...{ ok: false, failure: { pointer: '/time', detail } },
    });
  },
);

test('the longest data is counted in bytes of UTF-8', () => {
  const bytesMax = 256 * 1024;
  const ofBytes = (bytes: number) => ({
    ...NAMES,
    data: '€'.repeat((bytes - 2) / 3) + 'x'.repeat((bytes - 2) % 3),
  });
  expect(parse(ofBytes(bytesMax))).toMatchObject({ ok: true });
  expect(parse(ofBytes(bytesMax + 1))).toMatchObject({
    ok: false,
    failure: {
      code: 'invalid_event',
      pointer: '/data',
      detail: `data has ${bytesMax + 1} bytes of JSON in UTF-8. It may have ${bytesMax}.`,
    },
  });
});

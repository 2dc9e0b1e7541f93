/** Time zones and the length of windows, over HTTP. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parsedPulse } from '../support/pulses.ts';
import { authorization, createTestApp } from '../api/api-fixture.ts';
import { AGE_MAX_MS, createUsageFixture, type UsageFixture } from './usage-fixture.ts';

let fixture: UsageFixture;
let app: Awaited<ReturnType<typeof openApp>>;

const openApp = async (windowSeconds: number) => {
  const usage = { held: fixture.accumulator, pulseAgeMaxMs: AGE_MAX_MS, windowSeconds };
  return (await createTestApp({ pool: fixture.pool, usage })).app;
};

beforeAll(async () => {
  fixture = await createUsageFixture();
  app = await openApp(3_600);
});
afterAll(async () => {
  await app.close();
  await fixture.close();
});
beforeEach(async () => {
  await fixture.reset();
});

const get = (search: string, api = app) =>
  api.inject({ url: `/api/v1/usage?${search}`, headers: authorization() });

describe('GET /usage', () => {
  test.each(['US/Pacific-New', 'US/Eastern', 'Europe/Kyiv'])(
    'cuts days in %s, whatever the database calls it',
    async (tz) => {
      for (const bounds of ['', '&from=2024-03-05&to=2024-03-06']) {
        expect((await get(`window=day&tz=${tz}${bounds}`)).statusCode).toBe(200);
      }
    },
  );

  test.each([
    ['from=2024-03-05T10:30:00Z', 'from', '2024-03-05T10:00:00Z and 2024-03-05T11:00:00Z'],
    ['to=2024-03-05T10:00:01Z', 'to', '2024-03-05T10:00:00Z and 2024-03-05T11:00:00Z'],
    ['tz=Asia/Calcutta&from=2024-03-05', 'from', '2024-03-04T18:00:00Z and 2024-03-04T19:00:00Z'],
  ])(
    'refuses %s, which is inside a window, and names the nearest',
    async (search, field, nearest) => {
      const answer = await get(search);
      expect(answer.statusCode).toBe(400);
      expect(answer.json<{ errors: object[] }>().errors).toEqual([
        {
          field,
          message: `must be the start of a window of 60 minutes; the nearest are ${nearest}`,
        },
      ]);
    },
  );

  test('with windows of 30 minutes, days and hours of Asia/Kolkata are exact', async () => {
    const halves = await openApp(1_800);
    const midnightSec = Date.parse('2025-11-21T18:30:00Z') / 1000;
    const starts = [midnightSec - 1_800, midnightSec, midnightSec + 1_800, midnightSec + 3_600];
    await fixture.count(
      starts.map((windowStartSec, index) => parsedPulse({ windowStartSec, id: `half ${index}` })),
    );
    const ask = async (search: string) => {
      const day = 'tz=Asia/Kolkata&from=2025-11-22&to=2025-11-23';
      return (await get(`${day}&${search}`, halves)).json<{ data: object[] }>().data;
    };
    expect(await ask('window=day')).toMatchObject([{ pulse_count: 3 }]);
    expect(await ask('window=hour')).toMatchObject([
      {
        window_start: '2025-11-22T00:00:00+05:30',
        window_end: '2025-11-22T01:00:00+05:30',
        pulse_count: 2,
      },
      {
        window_start: '2025-11-22T01:00:00+05:30',
        window_end: '2025-11-22T02:00:00+05:30',
        pulse_count: 1,
      },
    ]);
    await halves.close();
  });
});

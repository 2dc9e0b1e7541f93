import { expect, test } from 'vitest';
import { isTimeZone } from '../../src/core/zone-names.ts';

test('names of zones are taken, abbreviations and offsets are not', () => {
  const names = ['UTC', 'Etc/UTC', 'US/Eastern', 'Asia/Kolkata', 'America/Argentina/Ushuaia'];
  for (const name of names) {
    expect([name, isTimeZone(name)]).toEqual([name, true]);
  }
  for (const name of ['', 'CET', 'GMT', '+05:30', 'Mars/Olympus']) {
    expect([name, isTimeZone(name)]).toEqual([name, false]);
  }
});

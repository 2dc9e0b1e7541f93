import { expect, test } from 'vitest';
import {
  currentName,
  isFoundBy,
  withTyped,
  zoneChoices,
  zoneNamed,
} from '../../web/src/parts/zone-names.ts';

/** As Chromium lists them. */
const LISTED = ['Asia/Calcutta', 'Asia/Katmandu', 'Asia/Saigon', 'Europe/Berlin', 'Europe/Kiev'];

test('zones of today are found by their names of today and of the past', () => {
  const choices = zoneChoices(LISTED);
  for (const name of ['Asia/Kolkata', 'Asia/Kathmandu', 'Asia/Ho_Chi_Minh', 'Europe/Kyiv']) {
    expect(choices).toContain(name);
  }
  expect(choices).toContain('Asia/Calcutta');
  expect(choices[0]).toBe('UTC');
  const found = (text: string) => choices.filter((name) => isFoundBy(name, text));
  expect(found('kolkata')).toEqual(['Asia/Kolkata']);
  expect(found('ho chi minh')).toEqual(['Asia/Ho_Chi_Minh']);
  expect(found('gmt')).toEqual(['Etc/GMT']);
  expect(currentName('Asia/Rangoon')).toBe('Asia/Yangon');
  expect(currentName('Europe/Berlin')).toBe('Europe/Berlin');
});

test('a name that is typed in full is a choice, listed or not', () => {
  const choices = withTyped(zoneChoices(LISTED), 'Asia/Kolkata', 'US/Eastern ', 'Mars/Olympus');
  expect(choices).toContain('US/Eastern');
  expect(choices).not.toContain('Mars/Olympus');
  expect(new Set(choices).size).toBe(choices.length);
  expect(zoneNamed(' asia/kolkata', choices)).toBe('Asia/Kolkata');
  expect(zoneNamed('Mars/Olympus', choices)).toBeUndefined();
});

import { expect, test } from 'vitest';
import { toCsvField, toSpreadsheetField } from '../../src/http/csv.ts';

test.each(['=A1', '+1', '-1', '@x', 'a,b', 'a"b', 'a\nb', ' a'])('%j is quoted', (text) => {
  expect(toCsvField(text)).toBe(`"${text.replaceAll('"', '""')}"`);
});

test('plain texts are not quoted', () => {
  expect(toCsvField('vm.small')).toBe('vm.small');
});

test.each([
  ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
  ['+1', "'+1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['-1+1', "'-1+1"],
  ['-1\n', `"'-1\n"`],
  ['-', "'-"],
  ['\tx', "'\tx"],
  ['\rx', `"'\rx"`],
  ['-5', '"-5"'],
  ['-5.25', '"-5.25"'],
  ['vm.small', 'vm.small'],
  ['3.5', '3.5'],
  ['', ''],
])('for a spreadsheet, %j is written as %j', (text, field) => {
  expect(toSpreadsheetField(text)).toBe(field);
});

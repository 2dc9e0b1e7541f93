/** Fields of CSV files (RFC 4180). */
import { Type } from 'typebox';

const NEEDS_QUOTES = /[",\r\n]|^[=+\-@\s]|\s$/;
/** What a spreadsheet would run as a formula. A negative number is not a formula. Postgres reads the pattern the same way. */
export const FORMULA = /^([=+@\t\r\n]|-(?![0-9]+(\.[0-9]+)?$))/;

/** What tells a spreadsheet that a file is UTF-8. */
export const BOM = '\ufeff';

/** A parameter of requests for CSV. */
export const SpreadsheetParameter = Type.Optional(
  Type.Enum(['true', 'false'], {
    description:
      'Whether the file is for a spreadsheet: it begins with a byte order mark, and an apostrophe stands before ' +
      'texts that a spreadsheet would run as formulas. Numbers stay as they are. Default: `false`.',
  }),
);

/**
 * Quotes a field that holds a separator. A field that a spreadsheet might take for a formula is quoted too, but
 * its text stays as it is, so that a program reads the exact text.
 */
export function toCsvField(text: string): string {
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The same for people who open the file in a spreadsheet. */
export function toSpreadsheetField(text: string): string {
  return toCsvField(defused(text));
}

/** Puts an apostrophe before what a spreadsheet would run. */
export function defused(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}

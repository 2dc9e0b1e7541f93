/** Fields of CSV files (RFC 4180). */

const NEEDS_QUOTES = /[",\r\n]|^[=+\-@\s]|\s$/;
/** What a spreadsheet takes for the beginning of a formula. */
const FORMULA = /^[=+\-@\t\r\n]/;

/**
 * Quotes a field that holds a separator. A field that a spreadsheet might take for a formula is quoted too, but
 * its text stays as it is, so that a program reads the exact text.
 */
export function toCsvField(text: string): string {
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The same for people who open the file in a spreadsheet: an apostrophe before what could be a formula. */
export function toSpreadsheetField(text: string): string {
  return toCsvField(FORMULA.test(text) ? `'${text}` : text);
}

/** Files of the catalogue: JSON with all of it, or CSV with one table whose header says which. */
import { parse, type CsvError } from 'csv-parse/sync';
import { findJsonPlaces } from './json-places.ts';

/** In the order in which they refer to each other. */
export const CATALOG_KINDS = ['units', 'customers', 'products', 'prices'] as const;
export type CatalogKind = (typeof CATALOG_KINDS)[number];

export interface CatalogRow {
  readonly kind: CatalogKind;
  /** From 1. In CSV, the last line of the row. */
  readonly line: number;
  readonly value: unknown;
}

export interface FileError {
  readonly line: number;
  readonly message: string;
}

export interface CatalogFile {
  readonly rows: readonly CatalogRow[];
  readonly errors: readonly FileError[];
}

/** The columns that only this table has. */
const MARKS: Readonly<Record<CatalogKind, readonly string[]>> = {
  units: ['unit', 'dimension'],
  customers: ['id', 'name'],
  prices: ['sku', 'currency'],
  products: ['sku', 'name'],
};
const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false };

const NAMES_LENGTH_MAX = 200;

/** What the library says, by its code, in our words. */
const CSV_ERRORS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a " that opens a cell in this line or below is never closed',
  CSV_INVALID_CLOSING_QUOTE:
    'text follows the " that closes a cell: write "" for a double quote inside a cell',
  INVALID_OPENING_QUOTE:
    'a cell has a " inside: put the cell into double quotes, and write "" for the one inside',
};

/** Reads JSON if the text begins like it, else CSV. Members that are null, and empty cells, are left out. */
export function readCatalogFile(file: string): CatalogFile {
  const text = file.replace(/^\uFEFF/, '');
  return /^\s*[{[]/.test(text) ? readJson(text) : readCsv(text);
}

function readCsv(text: string): CatalogFile {
  const { header, records, errors } = parseCsv(text);
  if (header === undefined) {
    const message = 'has no header: see `pulse catalog import --help`';
    return { rows: [], errors: errors.length > 0 ? errors : [{ line: 1, message }] };
  }
  const names = header.record;
  const kind = CATALOG_KINDS.find((one) => MARKS[one].every((name) => names.includes(name)));
  const problem = headerProblem(names, kind);
  if (problem !== undefined || kind === undefined) {
    return {
      rows: [],
      errors: [...errors, { line: header.info.lines, message: problem ?? '' }],
    };
  }
  const rows: CatalogRow[] = [];
  for (const { info, record } of records) {
    const value = fromCells(names, record);
    if (typeof value === 'string') errors.push({ line: info.lines, message: value });
    else rows.push({ kind, line: info.lines, value });
  }
  return { rows, errors };
}

interface CsvRecord {
  readonly info: { readonly lines: number };
  readonly record: readonly string[];
}

/** @returns No header if it cannot be read: the line after it would be taken for one. */
function parseCsv(text: string) {
  const errors: FileError[] = [];
  const all = parse(text, {
    info: true,
    skip_empty_lines: true,
    relax_column_count: true,
    skip_records_with_error: true,
    on_skip: (error: CsvError | undefined) => {
      if (error === undefined) return;
      const message = CSV_ERRORS[error.code] ?? 'cannot be read as CSV';
      errors.push({ line: Number(error.lines), message });
    },
  }) as unknown as CsvRecord[];
  const [header, ...records] = all;
  const { CSV_QUOTE_NOT_CLOSED: message = '' } = CSV_ERRORS;
  if (errors.at(-1)?.message === message) {
    // The library names the end of the file. Another wrong quote may have led to this one.
    errors.pop();
    const line = (all.at(-1)?.info.lines ?? 0) + 1;
    if (errors.length === 0) errors.push({ line, message });
  }
  const isLost = header === undefined || (errors[0]?.line ?? Infinity) < header.info.lines;
  return { header: isLost ? undefined : header, records, errors };
}

function headerProblem(names: readonly string[], kind: CatalogKind | undefined) {
  const twice = names.find((name, place) => names.indexOf(name) !== place);
  if (twice !== undefined) return `the header has the column ${JSON.stringify(twice)} twice`;
  if (kind !== undefined) return undefined;
  const found = names.join(', ');
  const separator = /;|\t/.exec(found)?.[0];
  if (names.length === 1 && separator !== undefined) {
    return `${separator === ';' ? 'semicolons separate' : 'tabs separate'} the columns: separate them by commas`;
  }
  const short = found.length > NAMES_LENGTH_MAX ? `${found.slice(0, NAMES_LENGTH_MAX)}…` : found;
  return `no table has the columns ${short}: see \`pulse catalog import --help\``;
}

/** @returns What is wrong, as a text, if the cells cannot be read. */
function fromCells(
  names: readonly string[],
  cells: readonly string[],
): Record<string, unknown> | string {
  if (cells.length !== names.length) {
    return `has ${cells.length} instead of ${names.length} cells`;
  }
  const members: [string, unknown][] = [];
  for (const [place, name] of names.entries()) {
    const cell = cells[place] ?? '';
    if (cell === '') continue;
    if (name === 'active' || name === 'recurring') members.push([name, BOOLEANS[cell] ?? cell]);
    else if (name === 'tiers') {
      const places = findJsonPlaces(cell);
      if ('message' in places) return `tiers: ${places.message}`;
      const [repeat] = places.repeats;
      if (repeat !== undefined) return `tiers: ${repeat.name} is in the same object twice`;
      members.push([name, JSON.parse(cell)]);
    } else members.push([name, cell]);
  }
  // Unlike an assignment, this keeps a member named __proto__, which is then refused.
  return Object.fromEntries(members);
}

function readJson(text: string): CatalogFile {
  const places = findJsonPlaces(text);
  if ('message' in places) return { rows: [], errors: [places] };
  const parsed = JSON.parse(text) as object;
  if (Array.isArray(parsed)) {
    const message = `must be an object with ${CATALOG_KINDS.join(', ')}`;
    return { rows: [], errors: [{ line: 1, message }] };
  }
  const rows: CatalogRow[] = [];
  const errors: FileError[] = places.repeats.map(({ line, name, firstLine }) => ({
    line,
    message: `${name}: is in the same object twice, first in line ${firstLine}`,
  }));
  for (const [name, list] of Object.entries(parsed)) {
    const kind = CATALOG_KINDS.find((one) => one === name);
    if (kind === undefined || !Array.isArray(list)) {
      const message =
        kind === undefined
          ? `${name.slice(0, 100)}: is not one of ${CATALOG_KINDS.join(', ')}`
          : `${name}: must be a list`;
      errors.push({ line: places.members.get(name) ?? 1, message });
      continue;
    }
    const lines = places.elements.get(name) ?? [];
    for (const [index, value] of list.entries()) {
      rows.push({ kind, line: lines[index] ?? 1, value: withoutNulls(value) });
    }
  }
  return { rows, errors };
}

function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}

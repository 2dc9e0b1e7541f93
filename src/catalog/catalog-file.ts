/** Files of the catalogue: JSON with all of it, or CSV with one table whose header says which. */
import { parse, type CsvError } from 'csv-parse/sync';

/** In the order in which they refer to each other. */
export const CATALOG_KINDS = ['units', 'customers', 'products', 'prices'] as const;
export type CatalogKind = (typeof CATALOG_KINDS)[number];

export interface CatalogRow {
  readonly kind: CatalogKind;
  /** From 1. In CSV, the last line of the row. */
  readonly line: number;
  readonly value: unknown;
}

export interface Mistake {
  readonly line: number;
  readonly message: string;
}

export interface CatalogFile {
  readonly rows: readonly CatalogRow[];
  readonly mistakes: readonly Mistake[];
}

/** The columns that only this table has. */
const MARKS: Readonly<Record<CatalogKind, readonly string[]>> = {
  units: ['unit', 'dimension'],
  customers: ['id', 'name'],
  prices: ['sku', 'currency'],
  products: ['sku', 'name'],
};
const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false };

/** Reads JSON if the text begins like it, else CSV. Members that are null, and empty cells, are left out. */
export function readCatalogFile(text: string): CatalogFile {
  const start = text.replace(/^\uFEFF/, '').trimStart();
  return start.startsWith('{') || start.startsWith('[') ? readJson(start, text) : readCsv(text);
}

function readCsv(text: string): CatalogFile {
  const mistakes: Mistake[] = [];
  let kind: CatalogKind | undefined;
  const records = parse(text, {
    bom: true,
    info: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_skip: (error: CsvError | undefined) => {
      if (error === undefined) return;
      mistakes.push({ line: Number(error.lines), message: error.message });
    },
    columns: (header: string[]) => {
      kind = CATALOG_KINDS.find((one) => MARKS[one].every((name) => header.includes(name)));
      return header;
    },
  }) as unknown as { info: { lines: number }; record: Record<string, string> }[];
  if (kind === undefined) {
    return {
      rows: [],
      mistakes: [
        { line: 1, message: 'the header fits no table: see `pulse catalog import --help`' },
      ],
    };
  }
  const rows: CatalogRow[] = [];
  for (const { info, record } of records) {
    const value = fromCells(record);
    if (typeof value === 'string') mistakes.push({ line: info.lines, message: value });
    else rows.push({ kind, line: info.lines, value });
  }
  return { rows, mistakes };
}

/** @returns What is wrong, as a text, if a cell cannot be read. */
function fromCells(record: Readonly<Record<string, string>>): Record<string, unknown> | string {
  const value: Record<string, unknown> = {};
  for (const [name, cell] of Object.entries(record)) {
    if (cell === '') continue;
    if (name === 'active' || name === 'recurring') value[name] = BOOLEANS[cell] ?? cell;
    else if (name === 'tiers') {
      const tiers = parseJson(cell);
      if (tiers instanceof Error) return 'tiers: must be JSON';
      value[name] = tiers;
    } else value[name] = cell;
  }
  return value;
}

function readJson(start: string, text: string): CatalogFile {
  const parsed = parseJson(start);
  if (parsed instanceof Error) {
    return { rows: [], mistakes: [{ line: lineOfError(parsed, start), message: parsed.message }] };
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    const message = `must be an object with ${CATALOG_KINDS.join(', ')}`;
    return { rows: [], mistakes: [{ line: 1, message }] };
  }
  const lines = linesOfElements(text);
  const rows: CatalogRow[] = [];
  const mistakes: Mistake[] = [];
  for (const [name, list] of Object.entries(parsed)) {
    const kind = CATALOG_KINDS.find((one) => one === name);
    if (kind === undefined || !Array.isArray(list)) {
      const message =
        kind === undefined
          ? `${name.slice(0, 100)}: is not one of ${CATALOG_KINDS.join(', ')}`
          : `${name}: must be a list`;
      mistakes.push({ line: 1, message });
      continue;
    }
    const places = lines.get(name) ?? [];
    for (const [index, value] of list.entries()) {
      rows.push({ kind, line: places[index] ?? 1, value: withoutNulls(value) });
    }
  }
  return { rows, mistakes };
}

function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** V8 names the position in most of its messages. */
function lineOfError({ message }: Error, text: string): number {
  const position = /position (\d+)/.exec(message)?.[1];
  return position === undefined ? 1 : text.slice(0, Number(position)).split('\n').length;
}

/** The line of each element of each list of the outer object. @param text Valid JSON. */
function linesOfElements(text: string): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  let list: number[] = [];
  let [depth, line, key] = [0, 1, ''];
  let isExpected = false;
  for (const [token] of text.matchAll(/"(?:[^"\\]+|\\.)*"|[{}[\],]|\n|[^\s{}[\],":]+/g)) {
    if (token === '\n') {
      line += 1;
      continue;
    }
    if (depth === 2 && isExpected && token !== ']') {
      list.push(line);
      isExpected = false;
    }
    if (token === '{' || token === '[') {
      depth += 1;
      if (depth === 2 && token === '[') {
        list = [];
        found.set(key, list);
        isExpected = true;
      }
    } else if (token === '}' || token === ']') depth -= 1;
    else if (token === ',') isExpected = depth === 2;
    else if (depth === 1 && token.startsWith('"')) key = JSON.parse(token) as string;
  }
  return found;
}

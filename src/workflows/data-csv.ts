/**
 * CSV (RFC 4180) of any JSON value. An object is one row. An array of objects is a row each, with the members of all of
 * them as columns, in the order in which they appear. Members of members are columns as well, with names such as `a.b`.
 * Anything else is one column `value`; an array has a row for each element. An array or an empty object in a cell is
 * written as JSON.
 */
import { Readable } from 'node:stream';
import { setImmediate as yieldTurn } from 'node:timers/promises';
import { stringify, type Options } from 'csv-stringify';
import { exactJsonText, exactNumber, type ExactJson } from '../core/exact-json.ts';
import { defused } from '../http/csv.ts';
import { createWorkTurns } from '../platform/work-turns.ts';

/** Of a table, with the empty ones: a few rows with different members have very many. */
const CELLS_MAX = 500_000;
/** Of the column names of all cells: the name of an object is repeated for each of its members. */
const NAMES_LENGTH_MAX = 4_000_000;
const SHOWN_LENGTH_MAX = 100;
/** Of a table that is read: some 0.1 ms of work. */
const CELLS_AT_A_TIME = 100;
/** After this many cells, other work of the process gets its turn. */
const CELLS_PER_TURN = 5_000;

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly ReadonlyMap<string, ExactJson>[];
}

export type ReadTable =
  | { readonly ok: true; readonly table: Table }
  /** What is wrong, to be read after the name of the value. */
  | { readonly ok: false; readonly message: string };

/**
 * Others have their turn meanwhile.
 *
 * @param data Its depth must be limited, by `readData` for workflows, because it is read by recursion.
 */
export async function toTable(data: ExactJson): Promise<ReadTable> {
  const nextTurn = createWorkTurns();
  const elements = Array.isArray(data) ? (data as readonly ExactJson[]) : [data];
  const isOfObjects = elements.every(isObject) && elements.some(hasMembers);
  const columns = new Set<string>(isOfObjects ? [] : [VALUE]);
  const rows = [];
  let namesLength = 0;
  let cells = 0;
  for (const element of elements) {
    const row = new Map<string, ExactJson>();
    for (const [column, value] of isOfObjects
      ? cellsOf(element, '')
      : [[VALUE, element] as const]) {
      if (++cells % CELLS_AT_A_TIME === 0) await nextTurn();
      namesLength += column.length;
      if (namesLength > NAMES_LENGTH_MAX) {
        const message = `must have column names of at most ${NAMES_LENGTH_MAX} characters in all its rows`;
        return { ok: false, message };
      }
      if (row.has(column)) {
        return {
          ok: false,
          message: `has the column "${column.slice(0, SHOWN_LENGTH_MAX)}" twice`,
        };
      }
      row.set(column, value);
      columns.add(column);
    }
    rows.push(row);
  }
  if (columns.size * rows.length > CELLS_MAX) {
    const size = `${rows.length} rows of ${columns.size} columns`;
    return { ok: false, message: `must be at most ${CELLS_MAX} cells, and is ${size}` };
  }
  return { ok: true, table: { columns: [...columns], rows } };
}

const VALUE = 'value';

function isObject(value: ExactJson): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasMembers(value: ExactJson): boolean {
  return Object.keys(value as object).length > 0;
}

function* cellsOf(value: ExactJson, prefix: string): Generator<readonly [string, ExactJson]> {
  for (const [name, member] of Object.entries(value as Readonly<Record<string, ExactJson>>)) {
    const column = prefix + name;
    if (isObject(member) && hasMembers(member)) yield* cellsOf(member, `${column}.`);
    else yield [column, member];
  }
}

/** @param isForSpreadsheet Adds a byte order mark, and an apostrophe before texts that would run as formulas. */
export async function tableToCsv(
  { columns, rows }: Table,
  { isForSpreadsheet = false }: { readonly isForSpreadsheet?: boolean } = {},
): Promise<string> {
  const text = isForSpreadsheet ? defused : (plain: string) => plain;
  const lines = function* () {
    yield columns.map(text);
    for (const row of rows) yield columns.map((column) => toCell(row.get(column), text));
  };
  const options = columns.length === 1 ? { ...OPTIONS, quoted_empty: true } : OPTIONS;
  const writing = Readable.from(inTurns(lines(), columns.length)).pipe(
    stringify({ ...options, bom: isForSpreadsheet }),
  );
  let csv = '';
  for await (const chunk of writing) csv += String(chunk);
  return csv;
}

const OPTIONS: Options = {
  record_delimiter: 'windows',
  // Spaces at the ends are quoted too, because some readers drop them.
  quoted_match: /[\r\n]|^\s|\s$/,
  // An empty text is `""`, and what is missing is nothing between the commas.
  cast: { string: (value) => (value === '' ? { value, quoted_empty: true } : value) },
};

async function* inTurns<Line>(lines: Iterable<Line>, cellsPerLine: number) {
  let cells = 0;
  for (const line of lines) {
    yield line;
    cells += cellsPerLine;
    if (cells < CELLS_PER_TURN) continue;
    cells = 0;
    await yieldTurn();
  }
}

function toCell(value: ExactJson | undefined, text: (plain: string) => string): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return exactNumber(value) ?? text(value);
  return typeof value === 'boolean' ? String(value) : exactJsonText(value);
}

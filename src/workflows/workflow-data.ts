/** What the data of a workflow may be, and its text. */
import { exactNumber, parseExactJson, exactJsonText, type ExactJson } from '../core/exact-json.ts';
import { storableText } from '../core/storable.ts';
import { createWorkTurns } from '../platform/work-turns.ts';
import { toTable } from './data-csv.ts';

const DEPTH_MAX = 100;
/** Postgres' numeric holds far larger numbers, but a few characters could then stand for a hundred thousand digits. */
const EXPONENT_MAX = 308;
const NUMBER_LENGTH_MAX = 400;
/** Some 0.1 ms of work. */
const VALUES_AT_A_TIME = 100;
const EXPONENT = /[eE]([-+]?\d+)$/;

/** Where the data is wrong, such as `data.items.3`, and what is wrong there. */
export interface DataFault {
  readonly field: string;
  readonly message: string;
}

export type ReadData =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly fault: DataFault };

/**
 * Reads the member `data` of a body. Others have their turn meanwhile, because it may have 500,000 values.
 *
 * @param bodyText A JSON object that has the member.
 * @param body The same, parsed. Wrong texts are found in it.
 */
export async function readData(
  bodyText: string,
  body: { readonly data: unknown },
): Promise<ReadData> {
  const textFault = await findFault(body.data, textFaultOf);
  if (textFault !== undefined) return { ok: false, fault: textFault };
  const { data } = parseExactJson(bodyText) as { readonly data: ExactJson };
  const numberFault = await findFault(data, (value) => numberFaultOf(value as ExactJson));
  if (numberFault !== undefined) return { ok: false, fault: numberFault };
  const table = await toTable(data);
  if (!table.ok) return { ok: false, fault: { field: 'data', message: table.message } };
  return { ok: true, text: exactJsonText(data) };
}

function textFaultOf(value: unknown): string | undefined {
  const texts = typeof value === 'string' ? [value] : namesOf(value);
  return texts.some((text) => storableText(text) !== text)
    ? 'must not contain U+0000 or half a character'
    : undefined;
}

function namesOf(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.keys(value)
    : [];
}

function numberFaultOf(value: ExactJson): string | undefined {
  const number = exactNumber(value);
  if (number === undefined) return undefined;
  if (number.length > NUMBER_LENGTH_MAX) {
    return `must be a number of at most ${NUMBER_LENGTH_MAX} characters`;
  }
  const exponent = Math.abs(Number(EXPONENT.exec(number)?.[1] ?? 0));
  return exponent > EXPONENT_MAX
    ? `must be a number with an exponent of at most ${EXPONENT_MAX}`
    : undefined;
}

/** Without recursion, because too many levels are one of the faults. */
async function findFault(
  root: unknown,
  faultOf: (value: unknown) => string | undefined,
): Promise<DataFault | undefined> {
  const nextTurn = createWorkTurns();
  const open: Iterator<Place>[] = [[{ value: root, path: { name: 'data', depth: 0 } }].values()];
  let looked = 0;
  for (let inner = open.at(-1); inner !== undefined; inner = open.at(-1)) {
    const next = inner.next();
    if (next.done === true) {
      open.pop();
      continue;
    }
    if (++looked % VALUES_AT_A_TIME === 0) await nextTurn();
    const { value, path } = next.value;
    const message = faultOf(value);
    if (message !== undefined) return { field: fieldOf(path), message };
    if (typeof value !== 'object' || value === null) continue;
    if (path.depth === DEPTH_MAX) {
      return { field: fieldOf(path), message: `nests more than ${DEPTH_MAX} levels deep` };
    }
    open.push(placesIn(value, path));
  }
  return undefined;
}

/** One by one, because an array may have 500,000 of them. */
function* placesIn(value: object, parent: Path): Generator<Place> {
  const depth = parent.depth + 1;
  const names = Array.isArray(value) ? value.keys() : Object.keys(value);
  for (const name of names) {
    yield { value: value[name as keyof typeof value], path: { name, depth, parent } };
  }
}

interface Place {
  readonly value: unknown;
  readonly path: Path;
}

interface Path {
  readonly name: string | number;
  readonly depth: number;
  readonly parent?: Path;
}

const FIELD_LENGTH_MAX = 200;

function fieldOf(path: Path): string {
  const names = [];
  for (let at: Path | undefined = path; at !== undefined; at = at.parent) names.unshift(at.name);
  return storableText(names.join('.')).slice(0, FIELD_LENGTH_MAX);
}

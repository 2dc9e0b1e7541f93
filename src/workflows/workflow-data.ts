/** What the data of a workflow may be, and its text. */
import { exactNumber, parseExactJson, exactJsonText, type ExactJson } from '../core/exact-json.ts';
import { storableText } from '../core/storable.ts';
import { toTable } from './data-csv.ts';

const DEPTH_MAX = 100;
/** Postgres' numeric holds far larger numbers, but a few characters could then stand for a hundred thousand digits. */
const EXPONENT_MAX = 308;
const NUMBER_LENGTH_MAX = 400;
const EXPONENT = /[eE]([-+]?\d+)$/;

/** Where the data is wrong, such as `data.items.3`, and what is wrong there. */
export interface DataFault {
  readonly field: string;
  readonly message: string;
}

export type ReadData =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly fault: DataFault };

/**
 * Reads the member `data` of a body.
 *
 * @param bodyText A JSON object that has the member.
 * @param body The same, parsed. Wrong texts are found in it.
 */
export function readData(bodyText: string, body: { readonly data: unknown }): ReadData {
  const textFault = findFault(body.data, textFaultOf);
  if (textFault !== undefined) return { ok: false, fault: textFault };
  const { data } = parseExactJson(bodyText) as { readonly data: ExactJson };
  const numberFault = findFault(data, (value) => numberFaultOf(value as ExactJson));
  if (numberFault !== undefined) return { ok: false, fault: numberFault };
  const table = toTable(data);
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
function findFault(
  root: unknown,
  faultOf: (value: unknown) => string | undefined,
): DataFault | undefined {
  const rest: { readonly value: unknown; readonly path: Path }[] = [
    { value: root, path: { name: 'data', depth: 0 } },
  ];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { value, path } = next;
    const message = faultOf(value);
    if (message !== undefined) return { field: fieldOf(path), message };
    if (typeof value !== 'object' || value === null) continue;
    if (path.depth === DEPTH_MAX) {
      return { field: fieldOf(path), message: `nests more than ${DEPTH_MAX} levels deep` };
    }
    for (const [name, member] of Object.entries(value)) {
      rest.push({ value: member, path: { name, depth: path.depth + 1, parent: path } });
    }
  }
  return undefined;
}

interface Path {
  readonly name: string;
  readonly depth: number;
  readonly parent?: Path;
}

const FIELD_LENGTH_MAX = 200;

function fieldOf(path: Path): string {
  const names = [];
  for (let at: Path | undefined = path; at !== undefined; at = at.parent) names.unshift(at.name);
  return storableText(names.join('.')).slice(0, FIELD_LENGTH_MAX);
}

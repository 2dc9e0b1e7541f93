/** Reads many sums from the text that Redis has of them, without an object for each key: see sum-field.ts. */
import { KEY_HEADER_BYTES, writeKeyHeader } from './packed-key.ts';
import { fromSumField, fromSumValue, SUM_COLUMNS, type CountedSum } from './sum-field.ts';

/** Sums and their packed keys, see packed-key.ts. */
export interface ReadSums {
  readonly view: DataView;
  readonly keysAt: Float64Array;
  readonly sums: readonly CountedSum[];
}

const TAB = 9;
/** Of a field, the last of which is the window. */
const FIELD_COLUMNS = 4;
const WINDOW_LENGTH = '2026-11-29T16:00:00Z'.length;

/**
 * @param text Whole sums, with a tab between all columns of all sums.
 * @throws RangeError when it is not that.
 */
export function readSums(text: Buffer): ReadSums {
  const tabs = tabsOf(text);
  const columnCount = text.length === 0 ? 0 : tabs.length + 1;
  if (columnCount % SUM_COLUMNS !== 0) throw new RangeError('Not whole sums.');
  const count = columnCount / SUM_COLUMNS;
  const packed = Buffer.allocUnsafe(text.length + count * KEY_HEADER_BYTES);
  const keysAt = new Float64Array(count);
  const sums: CountedSum[] = [];
  const windows = new Map<string, number>();
  let keyAt = 0;
  let start = 0;
  for (let index = 0; index < count; index++) {
    const fieldEnd = tabs[index * SUM_COLUMNS + FIELD_COLUMNS - 1] ?? 0;
    const end = tabs[(index + 1) * SUM_COLUMNS - 1] ?? text.length;
    const window = text.toString('latin1', fieldEnd - WINDOW_LENGTH, fieldEnd);
    let windowStartSec = windows.get(window);
    if (windowStartSec === undefined) {
      ({ windowStartSec } = fromSumField(text.toString('latin1', start, fieldEnd)));
      windows.set(window, windowStartSec);
    }
    writeKeyHeader(packed, keyAt, { windowStartSec, fieldBytes: fieldEnd - start });
    keysAt[index] = keyAt;
    keyAt += KEY_HEADER_BYTES + text.copy(packed, keyAt + KEY_HEADER_BYTES, start, fieldEnd);
    sums.push(fromSumValue(text.toString('latin1', fieldEnd + 1, end)));
    start = end + 1;
  }
  return { view: new DataView(packed.buffer, packed.byteOffset, packed.length), keysAt, sums };
}

function tabsOf(text: Buffer): number[] {
  const tabs: number[] = [];
  for (let at = text.indexOf(TAB); at >= 0; at = text.indexOf(TAB, at + 1)) tabs.push(at);
  return tabs;
}

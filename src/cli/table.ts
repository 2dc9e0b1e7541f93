/** Rows for people: headings, aligned columns, and no line longer than a terminal. */

export interface Column<Row> {
  readonly heading: string;
  readonly text: (row: Row) => string;
  /** Numbers are aligned to the right. */
  readonly align?: 'right';
  /** Whether texts may be cut to keep lines short, at their end unless it says `start`. */
  readonly cut?: boolean | 'start';
}

/** Of lines where no terminal says more. */
export const WIDTH_MAX = 80;
const GAP = '  ';
/** No column is cut to less. */
const CUT_WIDTH_MIN = 8;

/** The headings, then a line for each row. */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  widthMax = WIDTH_MAX,
): string[] {
  const cells = rows.map((row) => columns.map(({ text }) => printable(text(row))));
  const lines = [columns.map(({ heading }) => heading), ...cells];
  const widths = columns.map((_column, place) =>
    Math.max(...lines.map((line) => lengthOf(line[place] ?? ''))),
  );
  narrow(widths, columns, widthMax);
  const fit = (text: string, place: number): string => {
    const width = widths[place] ?? 0;
    const short = shorten(text, width, columns[place]?.cut === 'start');
    const space = ' '.repeat(width - lengthOf(short));
    return columns[place]?.align === 'right' ? space + short : short + space;
  };
  return lines.map((line) => line.map(fit).join(GAP).trimEnd());
}

/** Takes from the widest column that may be cut, until the lines are short enough or no column can give more. */
function narrow(widths: number[], columns: readonly Column<never>[], widthMax: number): void {
  const sum = (): number =>
    widths.reduce((total, width) => total + width + GAP.length, -GAP.length);
  for (;;) {
    const places = columns.flatMap(({ cut = false }, place) => (cut === false ? [] : [place]));
    const widest = Math.max(CUT_WIDTH_MIN, ...places.map((place) => widths[place] ?? 0));
    if (sum() <= widthMax || widest === CUT_WIDTH_MIN) return;
    const place = places.find((one) => widths[one] === widest) ?? 0;
    widths[place] = widest - 1;
  }
}

/** Escapes control characters, so that foreign text cannot control the terminal. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

/** Cuts between characters, never inside one. */
export function shorten(text: string, lengthMax: number, isStartCut = false): string {
  const characters = Array.from(text);
  if (characters.length <= lengthMax) return text;
  return isStartCut
    ? `…${characters.slice(1 - lengthMax).join('')}`
    : `${characters.slice(0, lengthMax - 1).join('')}…`;
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}

/** What changed between two texts, line by line. */

export interface DiffLine {
  readonly kind: 'same' | 'removed' | 'added';
  readonly text: string;
  /** The part of a replaced line that differs: [start, end). */
  readonly changed?: readonly [number, number];
}

/** Above this many pairs of lines, everything between the first and the last change counts as replaced. */
const PAIRS_MAX = 4_000_000;

export function lineDiff(before: string, after: string): readonly DiffLine[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let end = 0;
  while (
    end < old.length - start &&
    end < now.length - start &&
    old[old.length - 1 - end] === now[now.length - 1 - end]
  ) {
    end += 1;
  }
  const same = (text: string): DiffLine => ({ kind: 'same', text });
  const middle = between(old.slice(start, old.length - end), now.slice(start, now.length - end));
  return [
    ...old.slice(0, start).map(same),
    ...markReplaced(middle),
    ...old.slice(old.length - end).map(same),
  ];
}

/** The longest common lines stay; within a change, removed lines come first. */
function between(old: readonly string[], now: readonly string[]): DiffLine[] {
  const width = now.length + 1;
  if (old.length * now.length > PAIRS_MAX) {
    return [
      ...old.map((text): DiffLine => ({ kind: 'removed', text })),
      ...now.map((text): DiffLine => ({ kind: 'added', text })),
    ];
  }
  // The length of the longest common lines of both rests.
  const common = new Uint32Array((old.length + 1) * width);
  const at = (row: number, column: number): number => common[row * width + column] ?? 0;
  for (let row = old.length - 1; row >= 0; row--) {
    for (let column = now.length - 1; column >= 0; column--) {
      common[row * width + column] =
        old[row] === now[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const lines: DiffLine[] = [];
  let [row, column] = [0, 0];
  while (row < old.length || column < now.length) {
    const [gone, added] = [old[row], now[column]];
    if (gone !== undefined && gone === added) {
      lines.push({ kind: 'same', text: gone });
      row += 1;
      column += 1;
    } else if (
      gone !== undefined &&
      (added === undefined || at(row + 1, column) >= at(row, column + 1))
    ) {
      lines.push({ kind: 'removed', text: gone });
      row += 1;
    } else {
      lines.push({ kind: 'added', text: added ?? '' });
      column += 1;
    }
  }
  return lines;
}

/** Where one line replaces another, says which part of them differs. */
function markReplaced(lines: readonly DiffLine[]): readonly DiffLine[] {
  const marked = [...lines];
  lines.forEach((line, index) => {
    const next = lines[index + 1];
    const isPair =
      line.kind === 'removed' &&
      next?.kind === 'added' &&
      lines[index - 1]?.kind !== 'removed' &&
      lines[index + 2]?.kind !== 'added';
    if (!isPair) return;
    const [start, end] = differing(line.text, next.text);
    marked[index] = { ...line, changed: [start, line.text.length - end] };
    marked[index + 1] = { ...next, changed: [start, next.text.length - end] };
  });
  return marked;
}

function differing(before: string, after: string): [start: number, fromEnd: number] {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return [start, end];
}

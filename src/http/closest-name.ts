/** Finds the name that somebody probably meant. */

/** Longer names are not compared, because comparing takes the product of both lengths. */
const LENGTH_MAX = 40;

/**
 * The candidate that differs least from `name`, if it differs by few letters: one in a short name, up to three in a
 * long one. Case, `-` and `_` do not count.
 */
export function closestName(name: string, candidates: readonly string[]): string | undefined {
  if (name.length > LENGTH_MAX) return undefined;
  const plain = plainOf(name);
  let closest: string | undefined;
  let least = Math.min(3, Math.ceil(plain.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(plain, plainOf(candidate));
    if (distance < least) [closest, least] = [candidate, distance];
  }
  return closest;
}

function plainOf(name: string): string {
  return name.toLowerCase().replace(/[-_\s]/g, '');
}

/** Letters to insert, delete, replace, or swap with their neighbour (optimal string alignment). */
function editDistance(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let row = 1; row <= one.length; row++) {
    const next = [row];
    for (let column = 1; column <= other.length; column++) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      next[column] = Math.min(
        (last[column] ?? 0) + 1,
        (next[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (beforeLast[column - 2] ?? 0) + 1 : Infinity,
      );
    }
    beforeLast = last;
    last = next;
  }
  return last[other.length] ?? 0;
}

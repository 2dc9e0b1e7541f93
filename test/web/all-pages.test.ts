import { expect, test } from 'vitest';
import { readPages } from '../../web/src/parts/all-pages.ts';

/** Pages of one row each; the cursor is the row. */
function listOf(...names: string[]) {
  const asked: (string | undefined)[] = [];
  const read = ({ after }: { readonly after?: string }) => {
    asked.push(after);
    const at = after === undefined ? 0 : names.indexOf(after) + 1;
    const next = at + 1 < names.length ? names[at]! : null;
    return Promise.resolve({ data: names.slice(at, at + 1), next });
  };
  return { asked, read };
}

test('a list is read to its end, every row once', async () => {
  const { asked, read } = listOf('a', 'b', 'c');
  expect(await readPages(read, 20)).toEqual(['a', 'b', 'c']);
  expect(asked).toEqual([undefined, 'a', 'b']);
});

test('a long list is read up to the limit of pages', async () => {
  const { read } = listOf('a', 'b', 'c');
  expect(await readPages(read, 2)).toEqual(['a', 'b']);
});

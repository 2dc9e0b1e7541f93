import { existsSync, readFileSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';

interface BuiltChunk {
  readonly file: string;
  readonly imports?: readonly string[];
}

const FOLDER = 'dist/web';
const FIRST_PAGE = 'src/pages/overview/overview-page.tsx';
/** What a browser loads until it shows the first page, in bytes of gzip. */
const SCRIPT_BYTES_MAX = 250_000;

test('the first page stays small', () => {
  const manifest = JSON.parse(readFileSync(`${FOLDER}/manifest.json`, 'utf8')) as Record<
    string,
    BuiltChunk
  >;
  const files = new Set<string>();
  const add = (name: string): void => {
    const chunk = manifest[name]!;
    files.add(chunk.file);
    for (const next of chunk.imports ?? []) if (!files.has(manifest[next]!.file)) add(next);
  };
  add('index.html');
  add(FIRST_PAGE);
  const sizes = [...files].map((file) => {
    const compressed = `${FOLDER}/${file}.gz`;
    return statSync(existsSync(compressed) ? compressed : `${FOLDER}/${file}`).size;
  });
  const total = sizes.reduce((sum, size) => sum + size, 0);
  expect(total).toBeGreaterThan(50_000);
  expect(total).toBeLessThan(SCRIPT_BYTES_MAX);
});

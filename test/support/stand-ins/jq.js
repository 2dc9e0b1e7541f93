// The part of jq that the examples in the documentation use, for machines without jq: `-r` and a path such as `.data[0].id`,
// with `|@uri` behind it.
import { readFileSync } from 'node:fs';

const [flag, filter = ''] = process.argv.slice(2);
const [path, format] = filter.split('|');
if (flag !== '-r' || !/^(\.\w+|\[\d+\])+$/.test(path) || ![undefined, '@uri'].includes(format)) {
  process.stderr.write(`jq (stand-in): not understood: ${process.argv.slice(2).join(' ')}\n`);
  process.exit(2);
}
let value = JSON.parse(readFileSync(0, 'utf8'));
for (const [, name, index] of path.matchAll(/\.(\w+)|\[(\d+)\]/g))
  value = value?.[name ?? index] ?? null;
const text = typeof value === 'string' ? value : JSON.stringify(value);
process.stdout.write(`${format === '@uri' ? encodeURIComponent(text) : text}\n`);

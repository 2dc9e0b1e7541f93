/** Checks a file against its manifest, without any server. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { parse } from 'csv-parse';
import { defused } from '../http/csv.ts';
import { formatNanos, parseNanos } from './sum-texts.ts';
import type { Manifest } from './manifest.ts';

/** What the file really holds. */
interface FileFacts {
  readonly byteCount: number;
  readonly sha256: string;
  readonly columns: readonly string[] | undefined;
  readonly rowCount: number;
  readonly sums: Readonly<Record<string, string>>;
}

/**
 * Reads the file once, in constant memory.
 *
 * @throws Error It cannot be read, or is not of the format that the manifest says.
 */
export async function readFileFacts(
  path: string,
  { format, gzip }: Pick<Manifest, 'format' | 'gzip'>,
): Promise<FileFacts> {
  const hash = createHash('sha256');
  let byteCount = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      byteCount += chunk.length;
      done(null, chunk);
    },
  });
  const content = createContent();
  const take = format === 'csv' ? content.takeCsv : content.takeNdjson;
  const source = createReadStream(path, { highWaterMark: 256 * 1024 });
  await (gzip ? pipeline(source, counted, createGunzip(), take) : pipeline(source, counted, take));
  return { byteCount, sha256: hash.digest('hex'), ...content.facts() };
}

/** Compares, and says every difference in a sentence. */
export function findDifferences(manifest: Manifest, facts: FileFacts): string[] {
  const compared: readonly (readonly [string, unknown, unknown])[] = [
    ['bytes', manifest.bytes, facts.byteCount],
    ['SHA-256', manifest.sha256, facts.sha256],
    ['rows', manifest.rows, facts.rowCount],
    ['columns', manifest.columns.join(), facts.columns?.join() ?? manifest.columns.join()],
    ...sumsOf(manifest, facts),
  ];
  return compared.flatMap(([what, wanted, found]) =>
    wanted === found
      ? []
      : [`${what}: the manifest says ${String(wanted)}, the file has ${String(found)}.`],
  );
}

function sumsOf({ sums: given, spreadsheet }: Manifest, { sums }: FileFacts) {
  const wanted = Object.fromEntries(
    Object.entries(given).map(([unit, sum]) => [spreadsheet ? defused(unit) : unit, sum]),
  );
  const units = new Set([...Object.keys(wanted), ...Object.keys(sums)]);
  return [...units].map(
    (unit) => [`sum of ${unit}`, wanted[unit] ?? 'none', sums[unit] ?? 'none'] as const,
  );
}

type Row = Readonly<Record<string, unknown>>;

function createContent() {
  let rowCount = 0;
  let columns: readonly string[] | undefined;
  const nanos = new Map<string, bigint>();
  const add = ({ use_unity: unit, used_amount: amount }: Row): void => {
    rowCount += 1;
    if (typeof unit !== 'string' || typeof amount !== 'string') return;
    nanos.set(unit, (nanos.get(unit) ?? 0n) + parseNanos(amount));
  };
  return {
    takeCsv: async (source: AsyncIterable<Buffer>): Promise<void> => {
      const rows = parse({ bom: true, columns: (names: string[]) => (columns = names) });
      const feeding = pipeline(source, rows);
      // The loop meets the same error first.
      feeding.catch(() => undefined);
      for await (const row of rows) add(row as Row);
      await feeding;
    },
    takeNdjson: async (source: AsyncIterable<Buffer>): Promise<void> => {
      for await (const line of linesOf(source)) add(JSON.parse(line) as Row);
    },
    facts: () => ({
      columns,
      rowCount,
      sums: Object.fromEntries([...nanos].map(([unit, sum]) => [unit, formatNanos(sum)])),
    }),
  };
}

/** The lines of NDJSON: they end with LF, the last one too. */
async function* linesOf(source: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const chunk of source) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') throw new Error('The last line is not whole.');
}

/** Checks a file against its manifest, without any server. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { parse } from 'csv-parse';
import { codeOf, toError } from '../core/errors.ts';
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

/** What is wrong with the content of the file, in a sentence. */
export class FileFault extends Error {
  override readonly name = 'FileFault';
}

/**
 * Reads the file once, in constant memory.
 *
 * @throws FileFault It is not of the format that the manifest says. The errors of Node: it cannot be read.
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
  let fault: unknown;
  const sink = (content: AsyncIterable<Buffer>) =>
    take(content).catch((error: unknown) => {
      fault = error;
      throw error;
    });
  await (
    gzip ? pipeline(source, counted, createGunzip(), sink) : pipeline(source, counted, sink)
  ).catch((error: unknown) => {
    // The pipeline may only say that it was aborted.
    throw toFileFault(fault ?? error);
  });
  return { byteCount, sha256: hash.digest('hex'), ...content.facts() };
}

function toFileFault(error: unknown): unknown {
  const code = String(codeOf(error));
  const fault = (text: string) => new FileFault(text, { cause: error });
  if (code.startsWith('Z_')) return fault('It is not gzip, or it is cut off.');
  if (code.startsWith('CSV_'))
    return fault(`It is not CSV, or it is cut off: ${toError(error).message}.`);
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return fault('It is not UTF-8.');
  return error;
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
    nanos.set(unit, (nanos.get(unit) ?? 0n) + nanosOf(amount, rowCount));
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
      for await (const line of linesOf(source)) add(rowOf(line, rowCount + 1));
    },
    facts: () => ({
      columns,
      rowCount,
      sums: Object.fromEntries([...nanos].map(([unit, sum]) => [unit, formatNanos(sum)])),
    }),
  };
}

function rowOf(line: string, number: number): Row {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch {
    // Said below.
  }
  if (typeof row === 'object' && row !== null) return row as Row;
  throw new FileFault(`Line ${number} is not a JSON object.`);
}

function nanosOf(amount: string, row: number): bigint {
  try {
    return parseNanos(amount);
  } catch (error) {
    throw new FileFault(`Row ${row}: ${toError(error).message}`, { cause: error });
  }
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
  if (rest !== '') throw new FileFault('The last line is not whole.');
}

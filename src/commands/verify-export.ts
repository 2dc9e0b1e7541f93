/** `pulse verify-export`: checks a file against its manifest and, if asked, against the books. */
import { readFile } from 'node:fs/promises';
import { Value } from 'typebox/value';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED, misused, type CommandRun } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { count } from '../cli/wording.ts';
import { codeOf, toError } from '../core/errors.ts';
import { MANIFEST } from '../exports/export-files.ts';
import { findReport } from '../exports/exports.ts';
import { Manifest } from '../exports/manifest.ts';
import { findDifferences, readFileFacts } from '../exports/verify-file.ts';
import { writeAnswer } from '../exports/write-answer.ts';
import { REPORTS } from './reports.ts';

export const verifyExport = defineCommand({
  argument: '<file>',
  options: {
    manifest: { value: '<file>', about: `the manifest (default: the file's name and ${MANIFEST})` },
    books: { about: 'also ask Postgres the same question again, and compare every byte' },
  },
  json: true,
  examples: [
    'pulse verify-export usage.csv',
    'pulse verify-export usage.csv --books',
    'pulse verify-export download.csv --manifest download.json --json',
  ],
  async run(run) {
    const manifest = await readManifest(run.flags.manifest ?? `${run.argument}${MANIFEST}`);
    const facts = await readFileFacts(run.argument, manifest).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') throw misused(`There is no file ${run.argument}.`);
      return toError(error);
    });
    const differences =
      facts instanceof Error
        ? [`The file is not what the manifest says: ${facts.message}`]
        : findDifferences(manifest, facts);
    if (run.flags.books) differences.push(...(await compareWithBooks(run, manifest)));
    const isRight = differences.length === 0;
    run.answer(
      { ok: isRight, checked_books: run.flags.books, differences },
      isRight
        ? [
            `${run.argument} is what the manifest says: ${count(manifest.rows, 'row')} of ${manifest.report} as of ${manifest.as_of}.`,
            ...(run.flags.books ? ['Postgres gives the same bytes.'] : []),
          ]
        : differences,
    );
    return isRight ? EXIT_DONE : EXIT_FAILED;
  },
});

async function readManifest(path: string): Promise<Manifest> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw misused(`The manifest ${path} cannot be read: ${String(codeOf(error))}.`);
  });
  try {
    return Value.Parse(Manifest, JSON.parse(text));
  } catch {
    throw misused(`${path} is not the manifest of an export.`);
  }
}

/** The same question, to nowhere. */
async function compareWithBooks(run: CommandRun, manifest: Manifest): Promise<string[]> {
  const pool = await openPool(run, 'pulse verify-export');
  const { format, gzip, spreadsheet, parameters, tenants } = manifest;
  const question = {
    ...{ format, gzip, spreadsheet, parameters },
    report: findReport(REPORTS, manifest.report),
    scope: tenants ?? ('all' as const),
    asOf: new Date(manifest.as_of),
    windowSeconds: run.config.ingest.windowSeconds,
  };
  const nowhere = {
    write: (chunk: Buffer, at: number) => Promise.resolve({ bytesWritten: chunk.length - at }),
    sync: () => Promise.resolve(),
  };
  const { sha256, rowCount } = await writeAnswer(pool, question, nowhere, {
    signal: run.stop,
    onStart: () => undefined,
  });
  if (sha256 === manifest.sha256) return [];
  return [
    `books: Postgres gives ${count(rowCount, 'row')} with SHA-256 ${sha256}, the manifest says ` +
      `${count(manifest.rows, 'row')} with ${manifest.sha256}.`,
  ];
}

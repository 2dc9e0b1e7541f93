/** `pulse verify-export`: checks a file against its manifest and, if asked, against the books. */
import { readFile, stat } from 'node:fs/promises';
import { Value } from 'typebox/value';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED, misused, type CommandRun } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { count } from '../cli/wording.ts';
import { codeOf, FatalError } from '../core/errors.ts';
import { MANIFEST } from '../exports/export-files.ts';
import { ExportFailure } from '../exports/exports.ts';
import { Manifest } from '../exports/manifest.ts';
import { FileFault, findDifferences, readFileFacts } from '../exports/verify-file.ts';
import { writeAnswer } from '../exports/write-answer.ts';
import { ProblemError } from '../http/problems.ts';
import { REPORTS } from './reports.ts';

const CHANGED = 'is not what the manifest says. Download or export it again.';

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
    await requireFile(run.argument, `There is no file ${run.argument}. Name an exported file.`);
    const manifest = await readManifest(run.argument, run.flags.manifest);
    const facts = await readFileFacts(run.argument, manifest).catch((error: unknown) => {
      if (error instanceof FileFault) return error;
      throw unreadable(error, run.argument);
    });
    const differences =
      facts instanceof FileFault ? [facts.message] : findDifferences(manifest, facts);
    const isFileRight = differences.length === 0;
    if (run.flags.books) differences.push(...(await compareWithBooks(run, manifest)));
    const isRight = differences.length === 0;
    run.answer(
      { ok: isRight, checked_books: run.flags.books, differences },
      isRight
        ? [
            `${run.argument} is what the manifest says: ${count(manifest.rows, 'row')} of ${manifest.report} as of ${manifest.as_of}.`,
            ...(run.flags.books ? ['Postgres gives the same bytes.'] : []),
          ]
        : [...(isFileRight ? [] : [`${run.argument} ${CHANGED}`]), ...differences],
    );
    return isRight ? EXIT_DONE : EXIT_FAILED;
  },
});

/** @throws RejectedError PULSE_USAGE_INVALID */
async function requireFile(path: string, missing: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    throw ['ENOENT', 'ENOTDIR'].includes(String(codeOf(error)))
      ? misused(missing)
      : unreadable(error, path);
  });
  if (found.isDirectory()) throw misused(`${path} is a folder. Name a file.`);
}

function unreadable(error: unknown, path: string): Error {
  const code = String(codeOf(error));
  const why = ['EACCES', 'EPERM'].includes(code)
    ? 'you have no rights to it'
    : `the disk reports ${code}`;
  return misused(`${path} cannot be read: ${why}.`);
}

async function readManifest(file: string, given: string | undefined): Promise<Manifest> {
  const path = given ?? `${file}${MANIFEST}`;
  await requireFile(
    path,
    `There is no manifest ${path}. Get it with GET /exports/{id}/manifest, save it under this name, or name ` +
      'it with --manifest.',
  );
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw unreadable(error, path);
  });
  try {
    return Value.Parse(Manifest, JSON.parse(text));
  } catch {
    throw misused(`${path} is not the manifest of an export. Name the right one with --manifest.`);
  }
}

/** The same question, to nowhere. */
async function compareWithBooks(run: CommandRun, manifest: Manifest): Promise<string[]> {
  const pool = await openPool(run, 'pulse verify-export');
  const { format, gzip, spreadsheet, parameters, tenants } = manifest;
  const report = REPORTS.get(manifest.report);
  if (report === undefined) {
    throw misused(
      `--books: this version of Pulse has no report "${manifest.report}". Use the version that made the file.`,
    );
  }
  const question = {
    ...{ report, format, gzip, spreadsheet, parameters },
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
  }).catch(toCliError);
  if (sha256 === manifest.sha256) return [];
  return [
    `books: Postgres gives ${count(rowCount, 'row')} with SHA-256 ${sha256}, the manifest says ` +
      `${count(manifest.rows, 'row')} with ${manifest.sha256}.`,
  ];
}

function toCliError(error: unknown): never {
  if (error instanceof ExportFailure) {
    throw new FatalError('PULSE_EXPORT_FAILED', error.message, { cause: error });
  }
  if (!(error instanceof ProblemError)) throw error;
  const fields = error.options.errors ?? [];
  const sentences = fields.map(({ field, message }) => `${field} ${message}.`);
  throw misused(`--books: the manifest has wrong parameters: ${sentences.join(' ')}`);
}

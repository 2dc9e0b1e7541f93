/** `pulse export`: the answer of a report as a file, made here and now. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Value } from 'typebox/value';
import type { Pool } from 'pg';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE, misused, type CommandRun } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { throwFileFault } from '../cli/file-fault.ts';
import { instant, type Flags, type OptionSpecs } from '../cli/options.ts';
import { withProgress } from '../cli/progress.ts';
import { count } from '../cli/wording.ts';
import {
  MANIFEST,
  openPart,
  publishParts,
  removeParts,
  toFileFailure,
  writeManifest,
} from '../exports/export-files.ts';
import { ExportFailure, EXPORT_FORMATS } from '../exports/exports.ts';
import { readNow } from '../exports/exports-query.ts';
import { toManifest } from '../exports/manifest.ts';
import { untilSettled } from '../exports/settled.ts';
import { writeAnswer, type AnswerProgress, type Question } from '../exports/write-answer.ts';
import { closestName } from '../http/closest-name.ts';
import { failureWording } from '../http/failure-wording.ts';
import { ProblemError } from '../http/problems.ts';
import type { Report } from '../http/report.ts';
import { codeOf, FatalError, RejectedError } from '../core/errors.ts';
import { REPORTS } from './reports.ts';

const repeated = (text: string, before: readonly string[] = []): string[] => [...before, text];

const TIMES = 'RFC 3339, such as 2026-11-01T00:00:00Z; for usage also a date';

const OPTIONS = {
  output: { value: '<file>', about: 'where to write it', required: true },
  from: { value: '<time>', about: `only what happened at this time or later (${TIMES})` },
  to: { value: '<time>', about: 'only what happened before this time' },
  parameter: {
    value: '<name=value>',
    about:
      'any parameter of the report, such as tenant=acme; repeatable; docs/exports.md lists them',
    parse: repeated,
  },
  asOf: { value: '<instant>', about: 'leave out what came later (default: now)', parse: instant },
  format: { value: '<format>', about: 'how to write it', choices: EXPORT_FORMATS, default: 'csv' },
  gzip: { about: 'compress it' },
  spreadsheet: { about: 'CSV that is safe to open in a spreadsheet' },
  force: { about: 'replace the file if there is one' },
} as const satisfies OptionSpecs;

/** Named `export`, which is a word of the language. */
export const exportReport = defineCommand({
  argument: '<report>',
  argumentAbout: [...REPORTS.keys()].join(', '),
  options: OPTIONS,
  json: true,
  examples: [
    'pulse export usage --from 2026-11-01 --format csv --output usage.csv',
    'pulse export usage --parameter window=day --parameter group_by=tenant --output days.csv',
    'pulse export pulses --parameter tenant=acme --format ndjson --gzip --output acme.ndjson.gz',
  ],
  async run(run) {
    const { output, force, format, gzip, spreadsheet } = run.flags;
    const report = REPORTS.get(run.argument);
    if (report === undefined) {
      const names = [...REPORTS.keys()];
      const meant = closestName(run.argument, names);
      throw misused(
        `There is no report "${run.argument}".${meant === undefined ? '' : ` Did you mean ${meant}?`} ` +
          `The reports are ${names.join(', ')}.`,
      );
    }
    if (spreadsheet && format !== 'csv') throw misused('--spreadsheet is for --format csv.');
    const parameters = parametersOf(report, run.flags);
    await refuseExisting(output, { force });
    const pool = await openPool(run, 'pulse export');
    const now = await readNow(pool);
    const asOf = run.flags.asOf === undefined ? now : new Date(run.flags.asOf);
    if (asOf > now) throw misused('--as-of: must not be in the future.');
    const question: Question = {
      ...{ report, parameters, format, gzip, spreadsheet, scope: 'all' as const, asOf },
      windowSeconds: run.config.ingest.windowSeconds,
    };
    const manifest = await write(run, { pool, question, output }).catch(toCliError);
    run.answer(manifest, [
      `${count(manifest.rows, 'row')}, ${count(manifest.bytes, 'byte')}, SHA-256 ${manifest.sha256}`,
      `as of ${manifest.as_of}; manifest in ${output}${MANIFEST}`,
    ]);
    return EXIT_DONE;
  },
});

function parametersOf(report: Report, { from, to, parameter = [] }: Flags<typeof OPTIONS>): object {
  const given = [
    ...(from === undefined ? [] : [`from=${from}`]),
    ...(to === undefined ? [] : [`to=${to}`]),
    ...parameter,
  ];
  const { properties } = report.parameters as { properties: Record<string, { type?: string }> };
  const parameters: Record<string, string | string[]> = {};
  for (const one of given) {
    const at = one.indexOf('=');
    const name = one.slice(0, at);
    const value = one.slice(at + 1);
    const schema = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (at === -1) throw misused(`--parameter: "${one}" must be <name>=<value>.`);
    if (schema === undefined) {
      const names = Object.keys(properties).join(', ');
      throw misused(`${report.name} has no parameter "${name}". It has ${names}.`);
    }
    const before = parameters[name];
    parameters[name] =
      schema.type === 'array' ? [...(Array.isArray(before) ? before : []), value] : value;
  }
  const [wrong] = Value.Errors(report.parameters, parameters);
  if (wrong !== undefined) {
    const [name = ''] = wrong.instancePath.slice(1).split('/');
    throw misused(`${optionOf(name)}: ${failureWording(wrong, 'parameters')}.`);
  }
  return parameters;
}

/** How a user gave a parameter. */
function optionOf(name: string): string {
  return name === 'from' || name === 'to' ? `--${name}` : `--parameter ${name}`;
}

async function refuseExisting(path: string, { force }: { readonly force: boolean }): Promise<void> {
  const toFault = (error: unknown) => throwFileFault(error, path, '--output');
  await stat(dirname(path)).catch(toFault);
  const found = await stat(path).catch((error: unknown) =>
    codeOf(error) === 'ENOENT' ? undefined : toFault(error),
  );
  if (found?.isDirectory() === true) throw misused(`--output: ${path} is a folder. Name a file.`);
  if (found !== undefined && !force) {
    throw misused(`--output: ${path} exists. Replace it with --force.`);
  }
}

interface Writing {
  readonly pool: Pool;
  readonly question: Question;
  readonly output: string;
}

/** The file has its name when it is whole. */
async function write(run: CommandRun, { pool, question, output }: Writing) {
  try {
    await untilSettled(pool, question.asOf, run.stop);
    const file = await openPart(output).catch((error: unknown) =>
      throwFileFault(error, output, '--output'),
    );
    try {
      let progress: AnswerProgress | undefined;
      let begin: (estimate: number) => void = () => undefined;
      const begun = new Promise<number>((resolve) => {
        begin = resolve;
      });
      const writing = writeAnswer(pool, question, file, {
        signal: run.stop,
        onStart(started) {
          progress = started;
          begin(started.rowsEstimated);
        },
      });
      const total = await Promise.race([begun, writing.then(() => 0)]);
      const label = question.report.name;
      const done = () => progress?.rowsWritten ?? 0;
      const written = await withProgress(run, { label, total, done }, writing);
      const manifest = toManifest(
        { ...question, report: question.report.name, tenants: null },
        written,
      );
      await writeManifest(output, manifest);
      await publishParts(output);
      return manifest;
    } finally {
      await file.close();
    }
  } catch (error) {
    await removeParts(output);
    throw run.stop.aborted
      ? new RejectedError('PULSE_EXPORT_STOPPED', 'Stopped; there is no file.')
      : toFileFailure(error);
  }
}

function toCliError(error: unknown): never {
  if (error instanceof ProblemError) {
    const fields = error.options.errors ?? [];
    const sentences = fields.map(({ field, message }) => `${optionOf(field)}: ${message}.`);
    throw misused(sentences.join(' ').replaceAll(' (in a URL write + as %2B)', ''));
  }
  if (error instanceof ExportFailure) {
    throw new FatalError('PULSE_EXPORT_FAILED', error.message, { cause: error });
  }
  throw error;
}

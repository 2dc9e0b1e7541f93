/** `pulse catalog import|export`. */
import { CATALOG_KINDS } from '../catalog/catalog-file.ts';
import { exportCatalog } from '../catalog/export-catalog.ts';
import { importCatalog } from '../catalog/import-catalog.ts';
import { ACTOR, actorName } from '../cli/actor.ts';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED, misused, type CommandRun } from '../cli/command.ts';
import { defineCommand, defineGroup } from '../cli/define-command.ts';
import { readInput } from '../cli/input-file.ts';
import { RejectedError, TransientError } from '../core/errors.ts';
import { printable } from '../cli/table.ts';
import { count } from '../cli/wording.ts';

const FILE_BYTES_MAX = 32 * 1024 * 1024;
const ERRORS_SHOWN = 100;

const open = (run: CommandRun) => openPool(run, 'pulse catalog');

const importCommand = defineCommand({
  summary: 'Import units, customers, products and prices from CSV or JSON: all or nothing.',
  argument: '<file>',
  options: ACTOR,
  json: true,
  examples: [
    'pulse catalog import catalog.json      # {"units": [], "customers": [], "products": [], "prices": []}',
    'pulse catalog import customers.csv     # id,name,email,tenant',
    'pulse catalog import products.csv      # sku,name,unit,active,recurring',
    'pulse catalog import prices.csv        # sku,currency,unit_amount,valid_from,tiers',
    'pulse catalog import units.csv         # unit,dimension,factor',
  ],
  async run(run) {
    const text = readText(run.argument);
    const { rowCounts, errors } = await importCatalog(await open(run), text, {
      createdBy: actorName(run.flags),
      signal: run.stop,
      onWait: () => {
        run.tell('pulse: Another import is in progress; this one begins when it has ended.');
      },
    }).catch((error: unknown) => sayNothingImported(error, run));
    const shown = errors.slice(0, ERRORS_SHOWN);
    const counts = CATALOG_KINDS.filter((kind) => rowCounts[kind] > 0).map((kind) =>
      count(rowCounts[kind], kind.slice(0, -1)),
    );
    const rest = errors.length - shown.length;
    run.answer(
      { imported: errors.length === 0 ? rowCounts : null, errors },
      errors.length === 0
        ? `Imported ${counts.length === 0 ? 'nothing: the file is empty' : counts.join(', ')}.`
        : [
            ...shown.map(({ line, message }) => `line ${line}: ${printable(message)}`),
            ...(rest === 0 ? [] : [`… and ${count(rest, 'error')} more`]),
            'Nothing was imported.',
          ],
    );
    return errors.length === 0 ? EXIT_DONE : EXIT_FAILED;
  },
});

const exportCommand = defineCommand({
  summary: 'Print the whole catalogue as JSON that can be imported, a row a line.',
  examples: ['pulse catalog export > catalog.json'],
  async run(run) {
    const catalog = await exportCatalog(await open(run));
    const lists = CATALOG_KINDS.map((kind) => {
      const rows = catalog[kind].map((row) => `\n    ${JSON.stringify(row)}`);
      return `  "${kind}": [${rows.join(',')}${rows.length === 0 ? '' : '\n  '}]`;
    });
    run.print(`{\n${lists.join(',\n')}\n}`);
    return EXIT_DONE;
  },
});

export const catalog = defineGroup({ import: importCommand, export: exportCommand }, [
  'pulse catalog import catalog.json',
  'pulse catalog export > catalog.json',
]);

/** Says so where it is certain: a lost connection may have ended the commit. */
function sayNothingImported(error: unknown, { stop }: CommandRun): never {
  if (stop.aborted && error === stop.reason) {
    throw new RejectedError('PULSE_IMPORT_STOPPED', 'Stopped; nothing was imported.');
  }
  if (!(error instanceof TransientError) || error.code !== 'PULSE_POSTGRES_BUSY') throw error;
  const sentence = `${error.message}. Nothing was imported: try again.`;
  throw new TransientError(error.code, sentence, { cause: error });
}

/** @throws RejectedError PULSE_USAGE_INVALID The file cannot be read, is too large, or is not UTF-8. */
function readText(file: string): string {
  const bytes = readInput(file, { subject: `${file}:`, bytesMax: FILE_BYTES_MAX });
  if (bytes.length > FILE_BYTES_MAX) {
    throw misused(`${file}: has more than ${FILE_BYTES_MAX / 1024 / 1024} MiB: split it.`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw misused(`${file}: is not UTF-8.`);
  }
}

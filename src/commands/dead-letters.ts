/** `pulse dead-letters list|show|fix|replay|discard`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { Option, type Command } from 'commander';
import { withTransaction } from '../platform/postgres.ts';
import { isCursor, toPage } from '../quarantine/cursor.ts';
import { detailToJson, rowToJson } from '../quarantine/dead-letter-json.ts';
import { DEAD_LETTER_STATES, SHOWN_BYTES_MAX } from '../quarantine/dead-letter-row.ts';
import type { DeadLetterState } from '../quarantine/dead-letter-row.ts';
import {
  findDeadLetter,
  fixDeadLetter,
  listDeadLetters,
} from '../quarantine/dead-letters-query.ts';
import { tenantInBody } from '../quarantine/tenant-in-body.ts';
import {
  EXIT_DONE,
  EXIT_FAILED,
  toJson,
  withExamples,
  type CommandEnvironment,
} from '../cli/command.ts';
import { addDiscardCommand, addReplayCommand } from './dead-letters-bulk.ts';
import {
  actorFrom,
  checkedId,
  checkedNote,
  createRunSubcommand,
  misused,
  openPool,
  toFilters,
  withActor,
  withFilters,
  type FilterFlags,
  type RunSubcommand,
} from './dead-letters-options.ts';
import { describeDetail, describeRow } from './dead-letters-text.ts';
import { integer } from './populate.ts';

export function addDeadLettersCommand(
  program: Command,
  environment: CommandEnvironment,
  setExitCode: (code: number) => void,
): void {
  const group = program
    .command('dead-letters')
    .description('Work with the quarantine: list, show, fix, replay, discard.');
  const run = createRunSubcommand(environment, setExitCode);
  addListCommand(group, run);
  addShowCommand(group, run);
  addFixCommand(group, run);
  addReplayCommand(group, run);
  addDiscardCommand(group, run);
  withExamples(
    group,
    'pulse dead-letters list --reason invalid_tenant',
    'pulse dead-letters replay --reason sum_overflow --rate 50 --dry-run',
  );
}

interface ListFlags extends FilterFlags {
  readonly state: DeadLetterState | 'any';
  readonly limit: number;
  readonly after?: string;
  readonly json?: true;
}

function addListCommand(group: Command, run: RunSubcommand): void {
  const states = new Option('--state <state>', 'only this state');
  const command = withFilters(group.command('list'))
    .description('List dead letters, newest first.')
    .addOption(states.choices([...DEAD_LETTER_STATES, 'any']).default('quarantined'))
    .option('--limit <n>', 'how many at most', integer(1, 1_000), 50)
    .option('--after <cursor>', 'continue where an earlier list ended')
    .option('--json', 'print as JSON')
    .action((flags: ListFlags) =>
      run(async (context) => {
        const { limit, after } = flags;
        if (after !== undefined && !isCursor(after))
          throw misused('--after: is no cursor of ours.');
        const state = flags.state === 'any' ? undefined : flags.state;
        const filters = { ...toFilters(flags), state, after };
        const pool = await openPool(context);
        const rows = await withTransaction(pool, (client) =>
          listDeadLetters(client, { ...filters, limit: limit + 1 }),
        );
        const { data, next } = toPage(rows, limit);
        if (flags.json === true) context.print(toJson({ data: data.map(rowToJson), next }));
        else {
          for (const row of data) context.print(describeRow(row));
          if (data.length === 0) context.print('None.');
          if (next !== null) context.print(`More: --after ${next}`);
        }
        return EXIT_DONE;
      }),
    );
  withExamples(
    command,
    'pulse dead-letters list',
    'pulse dead-letters list --tenant acme --from 2026-11-22T00:00:00Z --state any --json',
  );
}

function addShowCommand(group: Command, run: RunSubcommand): void {
  const command = group
    .command('show <id>')
    .description('Show a dead letter with its body, headers and history.')
    .option('--save <file>', 'write its body to a file, byte for byte')
    .option('--json', 'print as JSON')
    .action((id: string, flags: { save?: string; json?: true }) =>
      run(async (context) => {
        const wanted = checkedId(id);
        const pool = await openPool(context);
        const detail = await withTransaction(pool, (client) => findDeadLetter(client, wanted));
        if (detail === undefined) {
          context.tell('pulse: there is no dead letter with this id.');
          return EXIT_FAILED;
        }
        if (flags.save !== undefined) {
          if (detail.body.length < detail.bodyBytes)
            throw misused('--save: the body is too large.');
          writeFileSync(flags.save, detail.body);
        }
        if (flags.json === true) context.print(toJson(detailToJson(detail)));
        else for (const line of describeDetail(detail)) context.print(line);
        return EXIT_DONE;
      }),
    );
  withExamples(
    command,
    'pulse dead-letters show 0b5e2c9e-6f1d-8a53-9a57-3f0c1f2b8a11',
    'pulse dead-letters show 0b5e2c9e-6f1d-8a53-9a57-3f0c1f2b8a11 --save body.json',
  );
}

function addFixCommand(group: Command, run: RunSubcommand): void {
  const command = withActor(group.command('fix <id>'))
    .description('Replace the body of a dead letter. Sends nothing: replay it afterwards.')
    .requiredOption('--body <file>', 'the whole new body; - reads standard input')
    .option('--note <text>', 'why')
    .option('--json', 'print as JSON')
    .action((id: string, flags: { body: string; note?: string; as?: string; json?: true }) =>
      run(async (context) => {
        const wanted = checkedId(id);
        const note = flags.note === undefined ? null : checkedNote(flags.note);
        const body = readBody(flags.body);
        const fix = { body, tenant: tenantInBody(body), note, actor: actorFrom(flags) };
        const pool = await openPool(context);
        const [isFixed, row] = await withTransaction(pool, async (client) => [
          await fixDeadLetter(client, wanted, fix),
          await findDeadLetter(client, wanted),
        ]);
        if (!isFixed || row === undefined) {
          const state = row === undefined ? 'there is none with this id' : `it is ${row.state}`;
          context.tell(`pulse: no dead letter was fixed: ${state}.`);
          return EXIT_FAILED;
        }
        if (flags.json === true) context.print(toJson(rowToJson(row)));
        else context.print(`fixed; send it with: pulse dead-letters replay ${wanted}`);
        return EXIT_DONE;
      }),
    );
  withExamples(
    command,
    'pulse dead-letters fix 0b5e2c9e-6f1d-8a53-9a57-3f0c1f2b8a11 --body body.json --note "unit was missing"',
  );
}

function readBody(file: string): Buffer {
  let body: Buffer;
  try {
    body = readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw misused(`--body: ${file} cannot be read (${code}).`);
  }
  if (body.length >= 1 && body.length <= SHOWN_BYTES_MAX) return body;
  throw misused(`--body: must have 1 to ${SHOWN_BYTES_MAX} bytes, not ${body.length}.`);
}

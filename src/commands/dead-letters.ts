/** `pulse dead-letters`: the group, with list, show and fix. */
import { ACTOR, checkedNote } from '../cli/actor.ts';
import { EXIT_DONE, EXIT_FAILED, misused } from '../cli/command.ts';
import { defineCommand, defineGroup } from '../cli/define-command.ts';
import { readInput } from '../cli/input-file.ts';
import { withNewFile } from '../cli/new-file.ts';
import { integer } from '../cli/options.ts';
import { withTransaction } from '../platform/postgres.ts';
import { isCursor, toPage } from '../http/cursor.ts';
import { detailToJson, rowToJson } from '../quarantine/dead-letter-json.ts';
import {
  DEAD_LETTER_STATES,
  SHOWN_BYTES_MAX,
  type DeadLetterState,
} from '../quarantine/quarantine.ts';
import { findDeadLetter, fixDeadLetter, listDeadLetters } from '../quarantine/quarantine-query.ts';
import { namesInBody } from '../quarantine/names-in-body.ts';
import { discard, replay } from './dead-letters-bulk.ts';
import { actorFrom, checkedId, FILTERS, open, toFilters } from './dead-letters-options.ts';
import { describeDetail, describeList, FULL } from './dead-letters-text.ts';

const EXAMPLE_ID = '0b5e2c9e-6f1d-8a53-9a57-3f0c1f2b8a11';

const list = defineCommand({
  summary: 'List dead letters, newest first.',
  options: {
    ...FILTERS,
    state: {
      value: '<state>',
      about: 'only this state',
      choices: [...DEAD_LETTER_STATES, 'any'],
      default: 'quarantined',
    },
    limit: integer('at most this many', { min: 1, max: 1_000, default: 50 }),
    after: { value: '<cursor>', about: 'continue where an earlier list ended' },
  },
  json: true,
  examples: [
    'pulse dead-letters list',
    'pulse dead-letters list --tenant acme --from 2026-11-22T00:00:00Z --state any --json',
  ],
  async run(run) {
    const { limit, after } = run.flags;
    if (after !== undefined && !isCursor(after)) {
      throw misused('--after: is not a cursor; `pulse dead-letters list` prints one at its end.');
    }
    const state = run.flags.state === 'any' ? undefined : run.flags.state;
    const page = { ...toFilters(run.flags), state, after, limit: limit + 1 };
    const pool = await open(run);
    const rows = await withTransaction(pool, (client) => listDeadLetters(client, page));
    const { data, next } = toPage(rows, limit);
    run.answer({ data: data.map(rowToJson), next }, [
      ...(data.length === 0 ? ['No dead letters.'] : describeList(data, Date.now(), run.width)),
      ...(next === null ? [] : [`More: --after ${next}`]),
    ]);
    return EXIT_DONE;
  },
});

const show = defineCommand({
  summary: 'Show a dead letter with its body, headers and history.',
  argument: '<id>',
  options: { save: { value: '<file>', about: 'write the body to a new file, byte for byte' } },
  json: true,
  examples: [
    `pulse dead-letters show ${EXAMPLE_ID}`,
    `pulse dead-letters show ${EXAMPLE_ID} --save body.json`,
  ],
  async run(run) {
    const id = checkedId(run.argument);
    const { save } = run.flags;
    const pool = await open(run);
    const detail = await withTransaction(pool, (client) => findDeadLetter(client, id));
    if (detail === undefined) {
      run.tell('pulse: there is no dead letter with this id.');
      return EXIT_FAILED;
    }
    if (save !== undefined) {
      if (detail.body.length < detail.bodyBytes) throw misused('--save: the body is too large.');
      await withNewFile({ path: save, option: '--save' }, (file) => file.write(detail.body));
    }
    run.answer(detailToJson(detail), describeDetail(detail));
    return EXIT_DONE;
  },
});

const fix = defineCommand({
  summary: 'Replace the body of a dead letter. It is not sent until you replay it.',
  argument: '<id>',
  options: {
    body: {
      value: '<file>',
      about: 'the whole new body; - reads standard input',
      required: true,
    },
    note: { value: '<text>', about: 'why' },
    ...ACTOR,
  },
  json: true,
  examples: [`pulse dead-letters fix ${EXAMPLE_ID} --body body.json --note "unit was missing"`],
  async run(run) {
    const { flags } = run;
    const id = checkedId(run.argument);
    const note = flags.note === undefined ? null : checkedNote(flags.note);
    const body = readBody(flags.body);
    const change = { body, ...namesInBody(body), note, actor: actorFrom(flags) };
    const pool = await open(run);
    const [isFixed, row] = await withTransaction(pool, async (client) => [
      await fixDeadLetter(client, id, change),
      await findDeadLetter(client, id),
    ]);
    if (!isFixed || row === undefined) {
      const reason = row === undefined ? 'there is none with this id' : whyNot(row.state);
      run.tell(`pulse: no dead letter was fixed: ${reason}.`);
      return EXIT_FAILED;
    }
    run.answer(rowToJson(row), `fixed; to send it, run: pulse dead-letters replay ${id}`);
    return EXIT_DONE;
  },
});

export const deadLetters = defineGroup({ list, show, fix, replay, discard }, [
  'pulse dead-letters list --reason invalid_tenant',
  'pulse dead-letters replay --reason sum_overflow --rate 50 --dry-run',
]);

function whyNot(state: DeadLetterState): string {
  return state === 'quarantined' ? FULL.replace(/\.$/, '') : `it is ${state}`;
}

function readBody(file: string): Buffer {
  const body = readInput(file, { subject: `--body: ${file}`, bytesMax: SHOWN_BYTES_MAX });
  if (body.length >= 1 && body.length <= SHOWN_BYTES_MAX) return body;
  const found = body.length === 0 ? 'is empty' : 'has more';
  throw misused(`--body: must have 1 to ${SHOWN_BYTES_MAX} bytes; ${file} ${found}.`);
}

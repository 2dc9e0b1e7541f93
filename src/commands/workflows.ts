/** `pulse workflows list|show|consume|put-back|requeue`: directly in Postgres and RabbitMQ. */
import { insertAudit } from '../access/audit.ts';
import { sourceFrom } from '../cli/access-options.ts';
import { ACTOR, actorName } from '../cli/actor.ts';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED, misused, waitOptions, type CommandRun } from '../cli/command.ts';
import { defineCommand, defineGroup } from '../cli/define-command.ts';
import { withNewFile, type NewFile } from '../cli/new-file.ts';
import { integer } from '../cli/options.ts';
import { findServers } from '../cli/servers.ts';
import { printable, tableLines } from '../cli/table.ts';
import { UUID } from '../core/uuid.ts';
import { isCursor } from '../http/cursor.ts';
import { objectText, pageText } from '../http/exact-answers.ts';
import { createMessageGetter, type MessageGetter } from '../messaging/message-getter.ts';
import { withTimeout } from '../platform/backoff.ts';
import { waitForRabbit } from '../platform/rabbit-connection.ts';
import { topologyNames } from '../platform/topology.ts';
import { tableOf } from '../workflows/change-status.ts';
import { consumeNext } from '../workflows/consume-next.ts';
import { tableToCsv } from '../workflows/data-csv.ts';
import { listWorkflows, readCsv, readWorkflow } from '../workflows/workflows-query.ts';
import { workflowQueues } from '../workflows/workflows-queues.ts';
import { toWorkflowJson, WORKFLOW_STATUSES, type Workflow } from '../workflows/workflows.ts';
import { putBackWorkflow } from './workflows-put-back.ts';
import { requeueWorkflows } from './workflows-requeue.ts';

const EXAMPLE_ID = '6c1de0a2-94f3-4f6c-9c3b-5f1a2b7e8d90';
const PAGE_BYTES_MAX = 64 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;

const openPostgres = (run: CommandRun) => openPool(run, 'pulse workflows');

const list = defineCommand({
  summary: 'List workflows, newest first.',
  options: {
    status: { value: '<status>', about: 'only this status', choices: WORKFLOW_STATUSES },
    step: { value: '<name>', about: 'only workflows that have this step' },
    limit: integer('at most this many', { min: 1, max: 1_000, default: 50 }),
    after: { value: '<cursor>', about: 'continue where an earlier list ended' },
  },
  json: true,
  examples: ['pulse workflows list --status inserted', 'pulse workflows list --step price --json'],
  async run(run) {
    const { status, step, limit, after } = run.flags;
    if (after !== undefined && !isCursor(after)) {
      throw misused('--after: is not a cursor; `pulse workflows list` prints one at its end.');
    }
    const page = { limit, after, bytesMax: PAGE_BYTES_MAX };
    const { data, next } = await listWorkflows(await openPostgres(run), { status, step }, page);
    print(run, pageText({ data: data.map(toWorkflowJson), next }), [
      ...(data.length === 0 ? ['No workflows.'] : tableLines(COLUMNS, data)),
      ...(next === null ? [] : [`More: --after ${next}`]),
    ]);
    return EXIT_DONE;
  },
});

const COLUMNS = [
  { heading: 'UUID', text: ({ id }: Workflow) => id },
  { heading: 'STATUS', text: ({ status }: Workflow) => status },
  { heading: 'INSERTED', text: ({ createdAt }: Workflow) => createdAt.toISOString() },
  { heading: 'BY', text: ({ createdBy }: Workflow) => createdBy, cut: true },
  { heading: 'STEPS', text: ({ steps }: Workflow) => steps.join(', '), cut: true },
];

const show = defineCommand({
  summary: 'Show a workflow with its data.',
  argument: '<uuid>',
  options: { csv: { about: 'print the CSV that it was consumed as' } },
  json: true,
  examples: [`pulse workflows show ${EXAMPLE_ID}`, `pulse workflows show ${EXAMPLE_ID} --csv`],
  async run(run) {
    const id = run.argument;
    const pool = await openPostgres(run);
    const found = UUID.test(id) ? await readWorkflow(pool, id) : undefined;
    if (found === undefined) {
      run.tell(`pulse: There is no workflow ${id}. \`pulse workflows list\` lists them.`);
      return EXIT_FAILED;
    }
    if (run.flags.csv) {
      const csv = await readCsv(pool, id);
      if (csv !== undefined) {
        printCsv(run, csv);
        return EXIT_DONE;
      }
      run.tell(`pulse: The workflow ${id} is not consumed yet, so it has no CSV.`);
      return EXIT_FAILED;
    }
    print(run, objectText(toWorkflowJson(found)), describe(found));
    return EXIT_DONE;
  },
});

function describe(found: Workflow): string[] {
  const { consumedAt, client } = found;
  return [
    `${found.id}: ${found.status}`,
    `  inserted  ${found.createdAt.toISOString()} by ${found.createdBy}`,
    ...(consumedAt === null
      ? []
      : [`  consumed  ${consumedAt.toISOString()} by ${found.consumedBy ?? ''}`]),
    ...(client === null ? [] : [`  client    ${client}`]),
    `  steps     ${printable(found.steps.join(', '))}`,
    `  data      ${printable(found.dataText)}`,
  ];
}

const consume = defineCommand({
  summary: 'Consume the next workflow of the queue, and print the CSV of its data.',
  options: {
    output: { value: '<file>', about: 'write the CSV to a new file instead' },
    spreadsheet: { about: 'CSV that is safe to open in a spreadsheet' },
    ...ACTOR,
  },
  examples: ['pulse workflows consume', 'pulse workflows consume --output next.csv'],
  async run(run) {
    const { output, spreadsheet: isForSpreadsheet } = run.flags;
    const pool = await openPostgres(run);
    const queue = await openQueue(run);
    const consumeInto = async (file: NewFile | undefined): Promise<number> => {
      const { prefix } = run.config.messages;
      const consumed = await consumeNext({
        ...{ pool, queue, prefix, logger: run.logger, actor: actorName(run.flags) },
        deadExchange: topologyNames(run.config.queue).deadExchange,
        onStep: () => undefined,
      });
      if (consumed === undefined) {
        run.tell('The queue is empty.');
        return EXIT_DONE;
      }
      const { workflow } = consumed;
      run.tell(`${workflow.id} is consumed. Its steps: ${workflow.steps.join(', ')}`);
      run.tell(`To print its CSV again: pulse workflows show ${workflow.id} --csv`);
      const csv = isForSpreadsheet
        ? await tableToCsv(await tableOf(workflow.dataText), { isForSpreadsheet })
        : consumed.csv;
      try {
        if (file === undefined) printCsv(run, csv);
        else await file.write(csv);
      } finally {
        // Last, so that the CSV is out if it fails.
        const subject = `consume workflow ${workflow.id}`;
        await insertAudit(pool, { ...sourceFrom(run.flags), action: 'changed', subject });
      }
      return EXIT_DONE;
    };
    if (output === undefined) return await consumeInto(undefined);
    return await withNewFile({ path: output, option: '--output' }, consumeInto);
  },
});

async function openQueue(run: CommandRun): Promise<MessageGetter> {
  const url = findServers(run).rabbitmqUrl;
  await waitForRabbit(url, waitOptions(run));
  const queue = createMessageGetter({
    url,
    binding: workflowQueues(run.config.messages.prefix).inserted,
    deadExchange: topologyNames(run.config.queue).deadExchange,
    logger: run.logger,
    name: 'pulse workflows',
  });
  run.closer.add('workflows queue', () => queue.close());
  await withTimeout(CONNECT_TIMEOUT_MS, queue.ready);
  return queue;
}

/** `print` adds the last newline. */
function printCsv(run: CommandRun, csv: string): void {
  run.print(csv.replace(/\n$/, ''));
}

/** Prints JSON text as it is, because numbers must keep their digits. */
function print(
  run: CommandRun & { readonly json: boolean },
  json: string,
  lines: readonly string[],
): void {
  for (const line of run.json ? [json] : lines) run.print(line);
}

export const workflows = defineGroup(
  { list, show, consume, 'put-back': putBackWorkflow, requeue: requeueWorkflows },
  ['pulse workflows list --status inserted', 'pulse workflows consume --output next.csv'],
);

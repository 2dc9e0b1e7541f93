/** Dead letters as text for people. */
import { printable, shorten, tableLines, WIDTH_MAX } from '../cli/table.ts';
import { describeAge } from '../cli/wording.ts';
import { toReadable } from '../quarantine/dead-letter-json.ts';
import {
  ACTIONS_MAX,
  type DeadLetterAction,
  type DeadLetterDetail,
  type DeadLetterRow,
} from '../quarantine/quarantine.ts';
import type { Preview, ReplayReport } from '../quarantine/replay-many.ts';

/** A table of dead letters. Their state, queue and tenant are shown where they tell the rows apart. */
export function describeRows(
  rows: readonly DeadLetterRow[],
  nowMs: number,
  widthMax?: number,
): string[] {
  const state = ({ state, isFixed }: DeadLetterRow): string =>
    isFixed ? `${state}, fixed` : state;
  const isWaiting = rows.every((row) => state(row) === 'quarantined');
  const hasQueues = rows.some(({ queue }) => queue !== null);
  const hasTenants = !hasQueues || rows.some(({ tenant }) => tenant !== null);
  return tableLines(
    [
      { heading: 'ID', text: ({ id }) => id },
      { heading: 'RECEIVED', text: ({ receivedAt }) => describeAge(receivedAt, nowMs) },
      ...(isWaiting ? [] : [{ heading: 'STATE', text: state, cut: hasQueues }]),
      { heading: 'REASON', text: ({ reason }) => reason, cut: hasQueues },
      ...(hasQueues
        ? [
            {
              heading: 'QUEUE',
              text: ({ queue }: DeadLetterRow) => queue ?? '-',
              cut: 'start' as const,
            },
          ]
        : []),
      ...(hasTenants
        ? [{ heading: 'TENANT', text: ({ tenant }: DeadLetterRow) => tenant ?? '-', cut: true }]
        : []),
    ],
    rows,
    widthMax,
  );
}

/** The same table, with what is wrong with each of them on a line below it. */
export function describeList(
  rows: readonly DeadLetterRow[],
  nowMs: number,
  widthMax = WIDTH_MAX,
): string[] {
  const [headings = '', ...lines] = describeRows(rows, nowMs, widthMax);
  const why = ({ reason, detail }: DeadLetterRow): string => {
    const text = detail.startsWith(`${reason}: `) ? detail.slice(reason.length + 2) : detail;
    return shorten(`  ${printable(text)}`, widthMax);
  };
  return [headings, ...rows.flatMap((row, place) => [lines[place] ?? '', why(row)])];
}

/** Everything about one, its body last. */
export function describeDetail(detail: DeadLetterDetail): string[] {
  const { properties, body, originalBody, maybeCountedSince } = detail;
  const isCut = body.length < detail.bodyBytes;
  const counted =
    maybeCountedSince === null ? 'no' : `maybe, since ${maybeCountedSince.toISOString()}`;
  const line = (name: string, value: string): string => `${name.padEnd(14)}${printable(value)}`;
  const lines = [
    line('id', detail.id),
    line('state', detail.isFixed ? `${detail.state}, its body fixed` : detail.state),
    line('reason', describeReason(detail)),
    line('tenant', detail.tenant ?? '- (the body names none)'),
    line('pulse id', detail.pulseId ?? '-'),
    line('message id', detail.messageId ?? '-'),
    line('queue', detail.queue ?? 'pulses'),
    line('array index', String(detail.pulseIndex ?? '-')),
    line('published to', `exchange "${detail.exchange ?? ''}", key "${detail.routingKey ?? ''}"`),
    line('received at', detail.receivedAt.toISOString()),
    ...(detail.queue === null ? [line('counted?', counted)] : []),
    line('properties', JSON.stringify(properties)),
    ...detail.actions.map((action) => line('history', describeAction(action))),
  ];
  if (originalBody !== null) lines.push('', 'body as sent:', ...bodyLines(originalBody, false));
  return [...lines, '', `body (${detail.bodyBytes} bytes):`, ...bodyLines(body, isCut)];
}

/** The detail of a message begins with the code of its failure, which may be the reason. */
function describeReason({ reason, detail }: DeadLetterDetail): string {
  return detail.startsWith(`${reason}: `) ? detail : `${reason}: ${detail}`;
}

const INDENTED_WIDTH_MAX = 78;

/** What a bulk action would touch. */
export function describePreview({ matched, byReason, first }: Preview, nowMs: number): string[] {
  const reasons = Object.entries(byReason).map(([reason, count]) => `${reason} ${count}`);
  const lines = [`${matched} wait and match${matched === 0 ? '' : `: ${reasons.join(', ')}`}`];
  if (first.length === 0) return lines;
  return [...lines, ...describeRows(first, nowMs, INDENTED_WIDTH_MAX).map((line) => `  ${line}`)];
}

const ENDS: Record<ReplayReport['end'], string> = {
  finished: 'none is left',
  limit: 'reached the limit, more are left',
  stopped: 'stopped, more are left',
  failed: 'FAILED, more are left',
};

/** What a bulk replay did. */
export function describeReport(report: ReplayReport): string[] {
  const lines = [`${report.replayed} replayed; ${ENDS[report.end]}`];
  if (report.overtaken > 0) lines.push(`${report.overtaken} replayed, and at once refused again`);
  if (report.missing > 0) lines.push(`${report.missing} skipped: someone else changed them`);
  if (report.forgotten > 0) lines.push(`${report.forgotten} skipped: ${FORGOTTEN}`);
  if (report.full > 0) lines.push(`${report.full} skipped: ${FULL}`);
  if (report.unroutable > 0) lines.push(`${report.unroutable} skipped: ${UNROUTABLE}`);
  if (report.error !== undefined) lines.push(report.error.message);
  return lines;
}

/** Why a dead letter was not replayed, and what to do. */
export const FORGOTTEN =
  'it may have been counted so long ago that its id is forgotten, and would be counted twice. ' +
  'If you know that it was not counted, use --even-if-forgotten.';

/** Why a dead letter is neither replayed nor fixed any more, and what to do. */
export const FULL =
  `its history has ${ACTIONS_MAX.toLocaleString('en')} actions. Save its body with ` +
  '`pulse dead-letters show ID --save FILE`, send it anew, and discard it.';

/** Why a message was not replayed, and what to do. */
export const UNROUTABLE =
  'its queue no longer exists. Start the process that declares it, or discard it.';

function describeAction({ action, actor, via, at, note, bodySha256 }: DeadLetterAction): string {
  const who = actor === null ? 'Pulse' : `${actor} (${via.replace('_', ' ')})`;
  const hash = bodySha256 === null ? '' : `, body sha256 ${bodySha256.slice(0, 12)}…`;
  return `${at.toISOString()}  ${action} by ${who}${note === null ? '' : `: ${note}`}${hash}`;
}

function bodyLines(body: Buffer, isCut: boolean): string[] {
  const { encoding, content } = toReadable(body, isCut);
  const lines = encoding === 'utf8' ? content.split('\n').map(printable) : ['base64:', content];
  return isCut ? [...lines, '… (cut)'] : lines;
}

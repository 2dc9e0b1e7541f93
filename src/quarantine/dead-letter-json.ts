/** Dead letters as JSON, the same from the API and from the command line. */
import { isUtf8 } from 'node:buffer';
import {
  SHOWN_BYTES_MAX,
  type DeadLetterAction,
  type DeadLetterDetail,
  type DeadLetterRow,
} from './quarantine.ts';
import type { Preview, ReplayReport } from './replay-many.ts';

/** A body as text if its bytes are UTF-8, else as base64. */
export interface ReadableBody {
  readonly encoding: 'utf8' | 'base64';
  readonly content: string;
}

/** @param isCut The bytes may end in the middle of a character. */
export function toReadable(bytes: Buffer, isCut = false): ReadableBody {
  for (let lost = 0; lost <= (isCut ? 3 : 0); lost++) {
    const whole = bytes.subarray(0, bytes.length - lost);
    if (isUtf8(whole)) return { encoding: 'utf8', content: whole.toString('utf8') };
  }
  return { encoding: 'base64', content: bytes.toString('base64') };
}

/**
 * The bytes of a readable body; undefined when `content` is not valid in its encoding. Node skips what is not
 * base64 and replaces lone surrogates, but a body must not change silently.
 */
export function fromReadable({ encoding, content }: ReadableBody): Buffer | undefined {
  const bytes = Buffer.from(content, encoding);
  return bytes.toString(encoding) === content ? bytes : undefined;
}

export function rowToJson(row: DeadLetterRow) {
  return {
    id: row.id,
    state: row.state,
    reason: row.reason,
    detail: row.detail,
    tenant: row.tenant,
    pulse_id: row.pulseId,
    message_id: row.messageId,
    queue: row.queue,
    pulse_index: row.pulseIndex,
    body_bytes: row.bodyBytes,
    is_fixed: row.isFixed,
    exchange: row.exchange,
    routing_key: row.routingKey,
    redelivered: row.redelivered,
    received_at: row.receivedAt.toISOString(),
  };
}

export function detailToJson(detail: DeadLetterDetail) {
  const { body, originalBody } = detail;
  const isCut = body.length < detail.bodyBytes;
  return {
    ...rowToJson(detail),
    properties: detail.properties,
    body: toReadable(body, isCut),
    body_is_cut: isCut,
    original_body:
      originalBody === null
        ? null
        : toReadable(originalBody, originalBody.length === SHOWN_BYTES_MAX),
    original_tenant: detail.originalTenant,
    maybe_counted_since: detail.maybeCountedSince?.toISOString() ?? null,
    actions: detail.actions.map(actionToJson),
  };
}

export function previewToJson({ matched, byReason, first }: Preview) {
  return { matched, by_reason: byReason, first: first.map(rowToJson) };
}

export function reportToJson(report: ReplayReport) {
  const { error, ...rest } = report;
  return { ...rest, error: error?.message ?? null };
}

function actionToJson(action: DeadLetterAction) {
  return {
    action: action.action,
    actor: action.actor,
    via: action.via,
    at: action.at.toISOString(),
    note: action.note,
    body_sha256_before: action.bodySha256Before,
    body_sha256: action.bodySha256,
  };
}

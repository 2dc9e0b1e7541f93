/** The exchange and the queue of workflows, and the messages on them. */
import { UUID } from '../core/uuid.ts';
import { ImpossibleError } from '../messaging/handler.ts';
import type { OutgoingMessage } from '../messaging/message.ts';
import type { QueueBinding } from '../messaging/queues.ts';

const EXCHANGE = 'workflows';
export const INSERTED = 'workflow.inserted';

/** @param prefix Of every name, so that several installations may share one virtual host. */
export function workflowQueues(prefix: string) {
  const inserted: QueueBinding = {
    exchange: prefix + EXCHANGE,
    type: 'direct',
    queue: `${prefix}workflows`,
    routingKey: INSERTED,
  };
  return { inserted };
}

/** Which workflow waits, and in which round. */
export interface Waiting {
  readonly id: string;
  readonly round: number;
}

export function insertedMessage(prefix: string, { id, round }: Waiting): OutgoingMessage {
  return {
    exchange: prefix + EXCHANGE,
    routingKey: INSERTED,
    body: { workflow_id: id, round },
  };
}

const BYTES_MAX = 1_024;

/** @throws ImpossibleError The body names no workflow. */
export function parseInsertedMessage(body: Buffer): Waiting {
  const parsed = body.length > BYTES_MAX ? undefined : parse(body);
  const { workflow_id: id, round } = (parsed ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof id === 'string' && UUID.test(id) && Number.isSafeInteger(round)) {
    return { id, round: Number(round) };
  }
  throw new ImpossibleError({
    code: 'invalid_message',
    detail: 'The body must be {"workflow_id": "<uuid>", "round": <integer>}.',
  });
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

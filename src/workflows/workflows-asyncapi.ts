/** The exchange and the queue of workflows in the AsyncAPI document. */
import { Type } from 'typebox';
import {
  durableOperation,
  exchangeBinding,
  RABBIT_USER,
  ref,
  type QueueDescription,
} from '../http/queue-description.ts';
import { INSERTED, workflowQueues } from './workflows-queues.ts';

const WorkflowInserted = Type.Object(
  {
    workflow_id: Type.String({ format: 'uuid', description: 'The id of the workflow.' }),
    round: Type.Integer({
      minimum: 1,
      description: 'Which time it is in the queue. A message of an earlier round is old.',
    }),
  },
  { title: 'WorkflowInserted' },
);

/** @param prefix The configured MESSAGE_PREFIX. */
export function describeWorkflowQueues(prefix: string): QueueDescription {
  const { exchange, queue } = workflowQueues(prefix).inserted;
  const name = 'workflow_inserted';
  return {
    channels: {
      [name]: {
        address: INSERTED,
        title: INSERTED,
        description:
          `Direct exchange \`${exchange}\`, bound to the quorum queue \`${queue}\`. Pulse takes one message from it for ` +
          'each `GET /workflow/consume`; nothing consumes it otherwise. Consume workflows over HTTP: a message that is ' +
          'taken from the queue by anything else leaves its workflow `inserted`, until somebody changes its status.',
        messages: { [name]: ref(`components/messages/${name}`) },
        bindings: exchangeBinding(exchange, 'direct'),
      },
    },
    operations: {
      [name]: {
        action: 'send',
        channel: ref(`channels/${name}`),
        security: [RABBIT_USER],
        title: INSERTED,
        summary: 'A workflow waits to be consumed.',
        messages: [ref(`channels/${name}/messages/${name}`)],
        bindings: durableOperation(),
      },
    },
    messages: {
      [name]: {
        name,
        title: INSERTED,
        summary: 'A workflow waits to be consumed.',
        contentType: 'application/json',
        payload: ref('components/schemas/WorkflowInserted'),
      },
    },
    schemas: { WorkflowInserted },
  };
}

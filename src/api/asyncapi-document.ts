/** The AsyncAPI 3 document of the queues, composed of the parts that the modules contribute. */
import { RABBIT_USER, type QueueDescription } from '../http/queue-description.ts';

const INTRODUCTION = `
Publish persistent, mandatory messages to the exchange with the routing key below, and use publisher confirms: Pulse is
responsible for a pulse from the moment RabbitMQ confirms it. If there is no confirm, publish it again **with the same
id**: it is counted once. A full queue refuses publications (\`reject-publish\`) with a nack; try again later.
`.trim();

/** @throws Error Two modules use the same name. */
export function asyncApiDocument(queues: readonly QueueDescription[]) {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Pulse: the queues',
      version: 'v1',
      description: INTRODUCTION,
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
    },
    defaultContentType: 'application/json',
    servers: {
      rabbitmq: {
        host: '{host}',
        protocol: 'amqp',
        protocolVersion: '0-9-1',
        description: 'The server in RABBITMQ_URL; amqps works as well.',
        variables: { host: { default: '127.0.0.1:5672', description: 'Host and port.' } },
        security: [RABBIT_USER],
      },
    },
    channels: merge(queues.map(({ channels }) => channels)),
    operations: merge(queues.map(({ operations }) => operations)),
    components: {
      messages: merge(queues.map(({ messages }) => messages)),
      schemas: merge(queues.map(({ schemas }) => schemas ?? {})),
      securitySchemes: {
        user: {
          type: 'userPassword',
          description: 'A RabbitMQ user that may write to the exchange.',
        },
      },
    },
  };
}

function merge(parts: readonly Readonly<Record<string, object>>[]): Record<string, object> {
  const entries = parts.flatMap((part) => Object.entries(part));
  const merged = Object.fromEntries(entries);
  if (Object.keys(merged).length < entries.length) {
    throw new Error('Two modules describe queues under the same name.');
  }
  return merged;
}

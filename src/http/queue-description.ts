/** The part of the AsyncAPI 3 document that a module contributes, and the terms that all parts share. */

/** Members of the document, by name. Names are unique across modules. */
export interface QueueDescription {
  readonly channels: Readonly<Record<string, object>>;
  readonly operations: Readonly<Record<string, object>>;
  readonly messages: Readonly<Record<string, object>>;
  readonly schemas?: Readonly<Record<string, object>>;
}

/** @param target A path in the document, such as `components/messages/pulse`. */
export function ref(target: string) {
  return { $ref: `#/${target}` };
}

/** The security of every operation: a user of RabbitMQ. */
export const RABBIT_USER = ref('components/securitySchemes/user');

const BINDING_VERSION = '0.3.0';

/** The bindings of a channel whose address is the routing key of a durable exchange. */
export function exchangeBinding(name: string, type: 'direct' | 'fanout' | 'topic') {
  const exchange = { name, type, durable: true, autoDelete: false, vhost: '/' };
  return { amqp: { is: 'routingKey', exchange, bindingVersion: BINDING_VERSION } };
}

/** The bindings of a channel whose address is a durable queue, reached through the default exchange. */
export function queueBinding(name: string) {
  const queue = { name, durable: true, exclusive: false, autoDelete: false, vhost: '/' };
  return { amqp: { is: 'queue', queue, bindingVersion: BINDING_VERSION } };
}

/** The bindings of an operation on persistent messages. @param more `mandatory` is true by default. */
export function durableOperation(more: { readonly ack?: true; readonly mandatory?: boolean } = {}) {
  return { amqp: { deliveryMode: 2, mandatory: true, ...more, bindingVersion: BINDING_VERSION } };
}

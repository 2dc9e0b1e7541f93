/** A message to RabbitMQ: one body with its address and properties. */

/** Undefined properties are not sent. */
export interface Publication {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  /** The same when the publication is repeated. At most 255 bytes, AMQP's limit. */
  readonly messageId?: string | undefined;
  /** Seconds since 1970. */
  readonly timestampSec?: number | undefined;
  /** Field table; at most 64 KiB when encoded. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly type?: string | undefined;
  readonly appId?: string | undefined;
  /** False: it may be lost if no queue is bound. Otherwise that is an error. */
  readonly mandatory?: false | undefined;
}

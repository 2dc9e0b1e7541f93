/** What a domain gives to the API, and the Fastify instance it gives it to. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ProblemCatalogue } from './problems.ts';
import type { QueueDescription } from './queue-description.ts';

/** An API, or the part of it below one prefix, with the types that schemas give to requests and answers. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** One domain's part of the API. */
export interface ApiModule {
  /** The group of its operations in the reference. */
  readonly tag: ApiTag;
  /** The problems that only its routes answer with. */
  readonly problems: ProblemCatalogue;
  /** Its part of the AsyncAPI document, where it publishes to or consumes from RabbitMQ. */
  readonly queues?: QueueDescription;
  /** Adds its routes below the API's base path. */
  addRoutes(api: Api): void;
}

export interface ApiTag {
  readonly name: string;
  readonly description: string;
}

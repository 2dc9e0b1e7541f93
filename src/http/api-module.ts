/** The part of the API that a domain contributes, and the Fastify instance that it contributes to. */
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

/** The API, or the part below one prefix, with requests and answers typed by their schemas. */
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
  /** The problems that only its routes report. */
  readonly problems: ProblemCatalogue;
  /** Its part of the AsyncAPI document, where it publishes to or consumes from RabbitMQ. */
  readonly queues?: QueueDescription;
  /** Whether its routes answer without the base path as well, at the root. */
  readonly atRoot?: true;
  /** Adds its routes below the API's base path. */
  addRoutes(api: Api): void;
}

export interface ApiTag {
  readonly name: string;
  readonly description: string;
}

/** GET /status, its history and its stream, and the switch that pauses ingest. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { setAnswerDeadline, whenOver } from '../http/answer-deadline.ts';
import type { Api, ApiModule } from '../http/api-module.ts';
import { actorNameOf, READERS } from '../http/caller.ts';
import { writeWith } from '../http/exact-answers.ts';
import type { ScopedPool } from '../platform/scoped-postgres.ts';
import { addPauseRoute } from './pause-routes.ts';
import { historyText, statusText } from './status-json.ts';
import { STATUS_PROBLEMS } from './status-problems.ts';
import type { StatusReader } from './status-reader.ts';
import { getHistorySchema, getStatusSchema, streamStatusSchema } from './status-schema.ts';
import { createStatusStreams, STREAM_LIMITS, type StreamLimits } from './status-streams.ts';

export interface StatusModuleDeps {
  readonly pool: ScopedPool;
  readonly reader: Pick<StatusReader, 'read' | 'history'>;
  /** Default: STREAM_LIMITS. */
  readonly streamLimits?: Partial<StreamLimits>;
}

const EVENT_STREAM = 'text/event-stream; charset=utf-8';
/** Beyond the life of a stream, so that it ends by itself. */
const DEADLINE_MARGIN_MS = 60_000;

export function createStatusModule(deps: StatusModuleDeps): ApiModule {
  return {
    tag: { name: 'status', description: 'How the whole installation is, for operators.' },
    problems: STATUS_PROBLEMS,
    addRoutes(api) {
      addReads(api, deps);
      addStream(api, deps);
      addPauseRoute(api, deps);
    },
  };
}

/** Queues and servers belong to no tenant. */
const config = { roles: READERS, allTenants: true } as const;

function addReads(api: Api, { reader }: StatusModuleDeps): void {
  const status = {
    schema: getStatusSchema,
    config,
    serializerCompiler: writeWith(statusText),
  } as const;
  // What a handler returns is typed by the schema, and here the serializer makes it so.
  api.get('/status', status, async (_request, reply: FastifyReply<{ Reply: unknown }>) =>
    reply.send(await reader.read()),
  );
  const history = {
    schema: getHistorySchema,
    config,
    serializerCompiler: writeWith(historyText),
  } as const;
  api.get('/status/history', history, async (_request, reply: FastifyReply<{ Reply: unknown }>) =>
    reply.send({ data: reader.history() }),
  );
}

function addStream(api: Api, { reader, streamLimits }: StatusModuleDeps): void {
  const limits = { ...STREAM_LIMITS, ...streamLimits };
  const streams = createStatusStreams(reader, limits);
  // Before the server waits for its answers to end.
  api.addHook('preClose', (done) => {
    streams.close();
    done();
  });
  const open = (
    request: FastifyRequest,
    reply: FastifyReply<{ Reply: unknown }>,
    events: number | undefined,
  ): FastifyReply => {
    const body = streams.open({
      caller: actorNameOf(request.user),
      events,
      checkRights: () => request.checkRights(),
      whenOver: (callback) => {
        whenOver(reply, callback);
      },
      cutOff: () => reply.raw.destroy(),
      logger: request.log,
    });
    setAnswerDeadline(reply, limits.lifeMs + DEADLINE_MARGIN_MS);
    // A connection that is kept for more requests would hold up a close. Proxies must not collect events.
    return reply
      .headers({ connection: 'close', 'x-accel-buffering': 'no' })
      .type(EVENT_STREAM)
      .send(body);
  };
  const route = {
    schema: streamStatusSchema,
    config: { ...config, lasting: true },
    // A compressor would hold events back, and a HEAD has no end.
    compress: false,
    exposeHeadRoute: false,
  } as const;
  api.get('/status/stream', route, async (request, reply) =>
    open(request, reply, request.query.events),
  );
}

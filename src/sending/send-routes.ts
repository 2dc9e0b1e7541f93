/** POST /pulses. */
import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Publisher } from '../publish/publisher.ts';
import type { Api, ApiModule } from '../http/api-module.ts';
import { actorNameOf, OPERATORS } from '../http/caller.ts';
import { setReplayed } from '../http/change-outcome.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError } from '../http/problems.ts';
import { refuseEncoding, takeRawBodies } from '../http/raw-bodies.ts';
import { RECORD_MEDIA_TYPES, type SentRecords } from '../http/sent-records.ts';
import { describePulsesQueue } from './pulses-queue.ts';
import { sendPulsesSchema } from './send-schema.ts';
import {
  createIdempotencyKeys,
  idempotencyKeyOf,
  type KeyedRequest,
  type KeyLimits,
} from '../http/idempotency-keys.ts';
import { addKeySweep } from '../http/idempotency-sweep.ts';
import type { ScopedPool } from '../platform/scoped-postgres.ts';
import { createNewSums } from './new-sums.ts';
import { readBody } from './read-body.ts';
import { sendPulses, type SendDeps } from './send-pulses.ts';
import type { SendOutcome } from './sent-pulse.ts';
import { SENDING_PROBLEMS } from './sending-problems.ts';

export interface SendingModuleOptions extends Omit<SendDeps, 'keys' | 'newSums'> {
  readonly pool: ScopedPool;
  /** What the idempotency keys of one caller may take. */
  readonly keyLimits?: KeyLimits;
  /** Sums that a tenant may begin in an hour; undefined: no limit. */
  readonly newSumsPerHour?: number | undefined;
  /** Nothing is taken in while it is not `open`. */
  readonly brokerState: () => Publisher['state'];
}

/** Large enough for 1,000 pulses with the longest texts in the usual notation. */
export const SEND_BYTES_MAX = 2 * 1024 * 1024;

/** The publisher may wait half a minute for a slot and as long for the confirm; its error says more than a timeout. */
const ANSWER_WITHIN_MS = 75_000;

export function createSendingModule(options: SendingModuleOptions): ApiModule {
  return {
    tag: { name: 'sending', description: 'Sending pulses to be counted.' },
    problems: SENDING_PROBLEMS,
    queues: describePulsesQueue(options.queue),
    addRoutes: (api) => {
      addRoutes(api, options);
    },
  };
}

/** In a separate scope, because it reads bodies as bytes, so that no number is rounded. */
function addRoutes(api: Api, options: SendingModuleOptions): void {
  const { pool, keyLimits, newSumsPerHour } = options;
  const keys = createIdempotencyKeys(pool, keyLimits);
  const newSums = createNewSums(newSumsPerHour);
  addKeySweep(api, pool);
  void api.register((scope: Api, _options, done) => {
    takeRawBodies(scope, RECORD_MEDIA_TYPES);
    scope.post(
      '/pulses',
      {
        schema: sendPulsesSchema,
        config: {
          roles: OPERATORS,
          unaudited: true,
          unstored: true,
          answerWithinMs: ANSWER_WITHIN_MS,
        },
        bodyLimit: SEND_BYTES_MAX,
        // The schema is only for the documentation; the rules are those of ingest.
        validatorCompiler: () => () => true,
        onRequest: (request, _reply, next) => {
          refuseEncoding(request);
          refuseUnlessOpen(options.brokerState());
          next();
        },
      },
      async (request, reply) => {
        const sent = request.body as SentRecords | undefined;
        if (sent === undefined) throw invalidField('body', 'is required');
        const { tenants } = request.user;
        const deps: SendDeps = { ...options, keys: keys(tenants), newSums };
        const { outcomes, replayed } = await sendPulses(deps, {
          pulses: readBody(sent),
          tenants,
          caller: actorNameOf(request.user),
          keyed: keyedRequest(request, sent),
          receivedAtMs: Date.now(),
          log: request.log,
        });
        if (replayed) setReplayed(request, reply);
        void reply.code(202);
        return toAnswer(outcomes);
      },
    );
    done();
  });
}

/** 202 if any pulse is accepted, else a problem with the same outcomes. */
function toAnswer(outcomes: readonly SendOutcome[]) {
  const count = (status: SendOutcome['status']): number =>
    outcomes.filter((outcome) => outcome.status === status).length;
  const counts = {
    accepted: count('accepted'),
    rejected: count('rejected'),
    unconfirmed: count('unconfirmed'),
  };
  if (counts.accepted > 0) return { ...counts, outcomes: [...outcomes] };
  const members = { outcomes };
  if (counts.unconfirmed > 0) {
    throw new ProblemError(SENDING_PROBLEMS.PULSE_API_PULSES_UNCONFIRMED, {
      detail: 'Send the unconfirmed ones again, with the ids in `outcomes`.',
      members,
    });
  }
  throw new ProblemError(SENDING_PROBLEMS.PULSE_API_PULSES_REJECTED, {
    detail: 'See `outcomes` for what is wrong with each.',
    members,
  });
}

function keyedRequest(request: FastifyRequest, sent: SentRecords): KeyedRequest | undefined {
  const key = idempotencyKeyOf(request.headers);
  if (key === undefined) return undefined;
  return { caller: actorNameOf(request.user), key, fingerprint: fingerprintOf(sent) };
}

/** Covers everything that determines the pulses. */
function fingerprintOf({ mediaType, headers, body }: SentRecords): Buffer {
  const attributes = Object.entries(headers).filter(([name]) => name.startsWith('ce-'));
  return createHash('sha256')
    .update(JSON.stringify([mediaType, attributes.sort()]))
    .update(body)
    .digest();
}

function refuseUnlessOpen(state: Publisher['state']): void {
  if (state === 'open') return;
  throw state === 'blocked'
    ? new ProblemError(HTTP_PROBLEMS.PULSE_API_BUSY, {
        detail: 'RabbitMQ is not accepting pulses at the moment.',
      })
    : new ProblemError(HTTP_PROBLEMS.PULSE_API_UNAVAILABLE, { detail: 'RabbitMQ is unavailable.' });
}

/**
 * Bounds what the callers of one tenant may have stored in an hour, because the disk of Postgres is everybody's.
 *
 * Each request that changes something, except with GET, counts with its body and 4 KiB as soon as its body is valid.
 * Each caller of all tenants has a limit of its own, which is larger, because it sends for many.
 */
import type { FastifyRequest } from 'fastify';
import { ALL_TENANTS_FACTOR, shareOf } from '../core/tenant-scope.ts';
import { HOUR_SECONDS } from '../core/window.ts';
import type { Api } from './api-module.ts';
import { actorNameOf, type Caller } from './caller.ts';
import { HTTP_PROBLEMS, ProblemError } from './problems.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What it is sent is not stored in Postgres. */
    unstored?: true;
  }

  interface FastifyRequest {
    /** Counts what follows from a request that changes something, such as deliveries, as so many more of them. */
    addStored: (count: number) => void;
  }
}

export interface StoredBytesOptions {
  /** For the callers of one tenant. Default: no limit. */
  readonly bytesPerHour?: number | undefined;
  /** Milliseconds since 1970. Default: the clock. */
  readonly now?: () => number;
}

/** Rows beside the body: the change in the history, messages, deliveries. */
const REQUEST_BYTES = 4 * 1024;
const MIB = 1024 * 1024;
const HOUR_MS = HOUR_SECONDS * 1000;
const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Call it after adding authentication, because it needs the caller, and after the body budget, which counts the bytes. */
export function addStoredBytes(
  app: Api,
  { bytesPerHour = Infinity, now = Date.now }: StoredBytesOptions,
): void {
  const spentBy = new Map<string, number>();
  let hour = 0;
  const spentOf = (payer: string): number => {
    const current = Math.floor(now() / HOUR_MS);
    if (current !== hour) {
      spentBy.clear();
      hour = current;
    }
    return spentBy.get(payer) ?? 0;
  };

  const spend = (request: WritingRequest, bytes: number) => {
    const writer = writerOf(request);
    if (writer === undefined) return;
    const payer = payerOf(writer);
    spentBy.set(payer, spentOf(payer) + bytes);
  };

  app.decorateRequest('addStored', function addStored(count) {
    spend(this, count * REQUEST_BYTES);
  });

  app.addHook('onRequest', (request, _reply, done) => {
    const writer = writerOf(request);
    if (writer !== undefined) {
      const isForAll = writer.tenants === 'all';
      const limit = isForAll ? ALL_TENANTS_FACTOR * bytesPerHour : bytesPerHour;
      if (spentOf(payerOf(writer)) >= limit) {
        const endMs = (hour + 1) * HOUR_MS;
        throw tooManyBytes(isForAll ? 'You have' : 'Your tenant has', { limit, endMs }, now());
      }
    }
    done();
  });

  app.addHook('preHandler', (request, _reply, done) => {
    spend(request, REQUEST_BYTES + request.bodyBytes);
    done();
  });
}

/** In spite of its type in Fastify, `user` is null on public routes. */
interface WritingRequest extends Pick<FastifyRequest, 'method' | 'routeOptions'> {
  readonly user: Caller | null;
}

/** Undefined: the request stores nothing, or its caller is unknown. */
function writerOf({ method, routeOptions, user }: WritingRequest): Caller | undefined {
  if (READING.has(method) || routeOptions.config.unstored === true) return undefined;
  return user ?? undefined;
}

function payerOf(caller: Caller): string {
  return caller.tenants === 'all' ? `all ${actorNameOf(caller)}` : shareOf(caller.tenants);
}

function tooManyBytes(
  who: string,
  { limit, endMs }: { readonly limit: number; readonly endMs: number },
  nowMs: number,
): ProblemError {
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_TOO_MANY_REQUESTS, {
    detail:
      `${who} stored as much as the limit allows in an hour, which is ${Math.floor(limit / MIB)} MiB. ` +
      `Changes are accepted again from ${new Date(endMs).toISOString()}.`,
    headers: { 'retry-after': String(Math.ceil((endMs - nowMs) / 1000)) },
  });
}

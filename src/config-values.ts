/** Parsers for the values of environment variables. None of them prints a value that may be secret. */
import { isIP } from 'node:net';
import { EnvError, makeValidator } from 'envalid';
import { validate as isCron } from 'node-cron';
import { toError } from './core/errors.ts';
import { AGGREGATE_STEPS } from './aggregate/aggregate-steps.ts';
import { DELIVERY_STEPS } from './delivery/delivery-steps.ts';
import { parseSecretKeys } from './delivery/secret-box.ts';
import { readCron } from './flush/cron-clock.ts';
import { FLUSH_STEPS } from './flush/flush-steps.ts';
import { INGEST_STEPS } from './ingest/ingest-steps.ts';
import { EXPORT_POINTS } from './exports/export-points.ts';
import { MESSAGE_STEPS } from './messaging/message-steps.ts';
import { parseCrashPoint } from './platform/crash-points.ts';
import { hostUrls } from './platform/server-urls.ts';

export function integer(min: number, max: number) {
  return makeValidator((text: string) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new EnvError(`must be a whole number from ${min} to ${max}, not "${text}".`);
    }
    return value;
  });
}

export function oneOf<Value extends number>(values: readonly Value[]) {
  return makeValidator((text: string) => {
    const value = values.find((one) => String(one) === text);
    if (value === undefined) throw new EnvError(`must be ${values.join(', ')}, not "${text}".`);
    return value;
  });
}

export const ratio = makeValidator((text: string) => {
  if (!/^(0(\.\d+)?|1(\.0+)?)$/.test(text)) throw new EnvError('must be a number from 0 to 1.');
  return Number(text);
});

function matching(pattern: RegExp, words: string) {
  return makeValidator((text: string) => {
    if (!pattern.test(text)) throw new EnvError(`must be ${words}, not "${text}".`);
    return text;
  });
}

export const host = matching(/^[\w.:-]+$/, 'a host name or an address');
export const queueName = matching(/^[\w.-]{1,100}$/, 'letters, digits, . _ - (100 at most)');
export const messagePrefix = matching(/^[\w.-]{0,50}$/, 'letters, digits, . _ - (50 at most)');
export const currency = matching(/^[A-Z]{3}$/, 'a currency such as USD (ISO 4217)');
export const username = matching(/^[\w.@-]{1,64}$/, 'letters, digits, . _ @ - (64 at most)');

export const addressRanges = makeValidator((text: string) => {
  const list = text.split(',').map((part) => part.trim());
  const wrong = list.find((part) => !isAddressRange(part));
  if (wrong === undefined) return list;
  throw new EnvError(`must be addresses or CIDR ranges such as 10.0.0.0/8, not "${wrong}".`);
});

function isAddressRange(text: string): boolean {
  const [address = '', bits = '0', ...others] = text.split('/');
  const bitsMax = isIP(address) === 4 ? 32 : 128;
  const isRange = /^\d{1,3}$/.test(bits) && Number(bits) <= bitsMax && others.length === 0;
  return isIP(address) !== 0 && !address.includes('%') && isRange;
}

export const REDIS_PROTOCOLS = ['redis:', 'rediss:', 'redis+cluster:', 'rediss+cluster:'] as const;

/** URLs of these schemes may list several hosts. */
const SEVERAL_HOSTS = /^(amqps?|rediss?\+cluster):$/;

export function url(...protocols: string[]) {
  return makeValidator((text: string) => checkedUrl(text, protocols));
}

export const redisUrl = makeValidator((text: string) => {
  const checked = checkedUrl(text, REDIS_PROTOCOLS);
  for (const one of hostUrls(checked).map((each) => new URL(each))) {
    const database = one.searchParams.get('db') ?? one.pathname.replace(/^\//, '');
    if (!/^\d{0,9}$/.test(database)) {
      throw new EnvError('must end in the number of a database, or none.');
    }
    if (SEVERAL_HOSTS.test(one.protocol) && Number(database) !== 0) {
      throw new EnvError('must name no database: a cluster has only 0.');
    }
  }
  return checked;
});

/** Never prints the value, which may hold a password. */
function checkedUrl(text: string, protocols: readonly string[]): string {
  const parsed = hostUrls(text).map((one) => (URL.canParse(one) ? new URL(one) : undefined));
  if (!parsed.every((one) => one?.hostname && protocols.includes(one.protocol))) {
    throw new EnvError(`must be a URL ${protocols.join('// or ')}// with a host.`);
  }
  if (parsed.length > 1 && !SEVERAL_HOSTS.test(parsed[0]?.protocol ?? '')) {
    throw new EnvError(`must name one host; for several, use ${severalOf(protocols)}.`);
  }
  if (!parsed.every((one) => one === undefined || isDecodable(one))) {
    throw new EnvError('has a % that begins no escape: write % itself as %25.');
  }
  return text;
}

/** Clients decode these parts; `URL` leaves a lone % as it is. */
function isDecodable({ username, password, pathname }: URL): boolean {
  try {
    return [username, password, pathname].map(decodeURIComponent).length > 0;
  } catch {
    return false;
  }
}

function severalOf(protocols: readonly string[]): string {
  const fit = protocols.filter((protocol) => SEVERAL_HOSTS.test(protocol));
  return fit.length === 0
    ? 'a proxy or a name that follows the primary'
    : `${fit.join('// or ')}//`;
}

export function secret(lengthMin: number) {
  return makeValidator((text: string) => {
    if (text.length < lengthMin) throw new EnvError(`must have at least ${lengthMin} characters.`);
    return text;
  });
}

/** Keys that encrypt the secrets of endpoints. */
export const secretKeys = makeValidator((text: string) => {
  try {
    return parseSecretKeys(text);
  } catch (error) {
    throw new EnvError(toError(error).message);
  }
});

/** Exactly as browsers send them. No patterns: sooner or later one would match too much. */
export const origins = makeValidator((text: string) => {
  const list = text.split(',').map((part) => part.trim());
  for (const part of list) {
    if (part.includes('*') || !URL.canParse(part) || new URL(part).origin !== part) {
      throw new EnvError(`must be origins such as https://app.example.com, not "${part}".`);
    }
  }
  return list;
});

export const cron = makeValidator((text: string) => {
  if (!isCron(text)) throw new EnvError(`must be a cron expression, not "${text}".`);
  if (readCron(text).nextTick(Date.now()) === undefined) {
    throw new EnvError(`must be a cron expression that has a tick; "${text}" has none.`);
  }
  return text;
});

const STEPS = {
  ingest: INGEST_STEPS,
  thread: INGEST_STEPS,
  flush: FLUSH_STEPS,
  message: MESSAGE_STEPS,
  export: EXPORT_POINTS,
  delivery: DELIVERY_STEPS,
  aggregate: AGGREGATE_STEPS,
};

export const crashPoint = makeValidator((text: string) => {
  const point = parseCrashPoint(text, STEPS);
  if (point === undefined) throw new EnvError('must name a step, for example ingest:applied:3.');
  return point;
});

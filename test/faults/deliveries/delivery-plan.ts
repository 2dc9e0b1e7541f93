/** What producers send and receivers do in a round of deliveries, and the log of it. */
import { newSecret } from '../../../src/delivery/signature.ts';
import type { Random } from '../../../src/populate/random.ts';
import { between, pick } from '../fault.ts';
import { ALLOWED_ADDRESS, MIXED_NAME, REBINDING_NAME, TRAP_ADDRESS, TRAP_NAME } from './names.ts';

export const CLIENTS = ['client-0', 'client-1', 'client-2'] as const;
export const PRODUCERS = ['shop', 'plant'] as const;
export const TYPES = ['thing.made', 'thing.sold'] as const;
const COLORS = ['red', 'blue'] as const;

/** Of both types. */
export const SCHEMA = {
  type: 'object',
  properties: { size: { type: 'number' }, color: { enum: COLORS } },
  required: ['size', 'color'],
};

/**
 * What a receiver does:
 * - `well` it always takes what it gets;
 * - `moody` it often fails, hangs or lies;
 * - `steady` it seldom does;
 * - `leaving` after some webhooks it is gone;
 * - `trap` nothing may ever reach it.
 */
export type Conduct = 'well' | 'moody' | 'steady' | 'leaving' | 'trap';

export interface EndpointPlan {
  readonly id: string;
  readonly client: string;
  readonly conduct: Conduct;
  /** The host of its URL. */
  readonly host: string;
  readonly types?: readonly string[];
  readonly filter?: Readonly<Record<string, string>>;
  readonly fifo?: true;
  /** The first signs from the start, the second once the secret has rotated. */
  readonly secrets: readonly string[];
}

export const ROTATING = 'rotating';
export const LEAVING = 'leaving';
/** It is disabled for a while, and then recovered. */
export const RESTLESS = 'restless';

export function planEndpoints(): EndpointPlan[] {
  const plan = (
    id: string,
    more: Omit<EndpointPlan, 'id' | 'host' | 'secrets'>,
    host?: string,
  ) => ({
    ...{ id, host: host ?? ALLOWED_ADDRESS, secrets: [newSecret()] },
    ...more,
  });
  const [first, second, third] = CLIENTS;
  return [
    plan('well', { client: first, conduct: 'well' }),
    plan('moody', { client: first, conduct: 'moody' }),
    plan('rebinding', { client: first, conduct: 'steady' }, REBINDING_NAME),
    plan('trap-address', { client: first, conduct: 'trap' }, TRAP_ADDRESS),
    plan('fifo', { client: second, conduct: 'steady', fifo: true }),
    plan('filtered', {
      ...{ client: second, conduct: 'moody' },
      ...{ types: [TYPES[1]], filter: { color: COLORS[0] } },
    }),
    plan(RESTLESS, { client: second, conduct: 'moody' }),
    plan('trap-name', { client: second, conduct: 'trap' }, TRAP_NAME),
    { ...plan(ROTATING, { client: third, conduct: 'moody' }), secrets: [newSecret(), newSecret()] },
    plan(LEAVING, { client: third, conduct: 'leaving' }),
    plan('trap-mixed', { client: third, conduct: 'trap' }, MIXED_NAME),
  ];
}

const DEFECTS = {
  unknown_producer: { producer: 'nobody' },
  unknown_type: { type: 'thing.lost' },
  unknown_client: { client: 'nobody' },
  invalid_data: {},
  invalid_event: { id: '' },
} as const;

const WRONG_DATA = '{"size": "large", "color": "red"}';

/** An event, and what became of sending it. */
export interface EventIntent {
  readonly producer: string;
  readonly id: string;
  readonly type: string;
  readonly client: string;
  readonly color: string;
  /** As it must be stored. */
  readonly dataText: string;
  /** The JSON of the event. */
  readonly text: string;
  /** Undefined: it is valid. */
  readonly defect: string | undefined;
  readonly sendings: readonly Sending[];
}

/** One of the times that an event is sent. */
export interface Sending {
  readonly way: 'queue' | 'http';
  readonly startMs: number;
  /** Not sent again without a confirm or an answer. */
  readonly isGivenUp: boolean;
  /** Of the publication. */
  readonly messageId: string;
  sentCount: number;
  isConfirmed: boolean;
  /** Over HTTP: `stored`, `duplicate` or the code of a refusal. */
  readonly answers: string[];
}

export interface Rotation {
  readonly overlapHours: number;
  /** Milliseconds since 1970. */
  sentAtMs: number;
  answeredAtMs: number;
}

export interface DeliveryLog {
  readonly endpoints: readonly EndpointPlan[];
  readonly events: readonly EventIntent[];
  readonly rotation: Rotation;
}

export function planEvents(
  random: Random,
  { name, count, durationMs }: { name: string; count: number; durationMs: number },
): EventIntent[] {
  return Array.from({ length: count }, (_, index) => {
    const chance = random.below(20);
    const defect = chance === 0 ? pick(Object.keys(DEFECTS), random) : undefined;
    return planEvent(random, { id: `${name}-${index}`, defect, durationMs });
  });
}

function planEvent(
  random: Random,
  { id, defect, durationMs }: { id: string; defect: string | undefined; durationMs: number },
): EventIntent {
  const known = {
    ...{ producer: pick(PRODUCERS, random), id, type: pick(TYPES, random) },
    client: pick(CLIENTS, random),
  };
  const color = pick(COLORS, random);
  // No program that reads this as a double and writes it again gives the same text.
  const dataText = `{"size": ${between(1, 99, random)}.50, "color": "${color}"}`;
  const wrong = defect === undefined ? {} : DEFECTS[defect as keyof typeof DEFECTS];
  const head = { ...known, ...wrong };
  const body = defect === 'invalid_data' ? WRONG_DATA : dataText;
  const text =
    random.below(4) === 0
      ? cloudEvent(head, body)
      : `${JSON.stringify(head).slice(0, -1)},"data":${body}}`;
  const times = random.below(6) === 0 ? 2 : 1;
  const sendings = Array.from({ length: times }, (_, time): Sending => ({
    way: random.below(3) === 0 ? 'http' : 'queue',
    startMs: between(0, durationMs, random),
    isGivenUp: random.below(8) === 0,
    messageId: `message-${id}-${time}`,
    ...{ sentCount: 0, isConfirmed: false, answers: [] },
  }));
  return { ...known, color, dataText, text, defect, sendings };
}

function cloudEvent(
  head: { producer: string; id: string; type: string; client: string },
  data: string,
): string {
  const { producer: source, client: subject, id, type } = head;
  const attributes = JSON.stringify({ specversion: '1.0', source, subject, id, type });
  return `${attributes.slice(0, -1)},"data":${data}}`;
}

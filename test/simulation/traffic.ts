/** What producers send: few identities, so that duplicates are frequent, in every packing that the contract allows. */
import { fingerprintText, sumKeyOf } from './identity.ts';
import { QUEUE } from './broker-model.ts';
import { toSumField } from '../../src/aggregate/sum-field.ts';
import type { Publication } from '../../src/contract/publication.ts';
import { decimalOf } from '../support/pulses.ts';
import { WALL_START_MS } from './world.ts';

/** The number of identities that a run draws from. */
export const IDENTITY_COUNT = 24;
/** Two of them fit in no int64, and in no safe integer. */
const HUGE_NANOS = 999_999_999_999_999n * 10n ** 9n + 1n;

/** `good`: counted once. `anonymous`: no id, counted at least once. `bad`: dead. */
export type Kind = 'good' | 'anonymous' | 'bad';

export interface SentPulse {
  readonly kind: Kind;
  /** What Redis remembers it by. Without an id: its field without the window. */
  readonly identity: string;
  /** Tenant, SKU and unit: the sum that it belongs to, in any hour. */
  readonly sumKey: string;
  readonly nanos: bigint;
  /** Its exact text, and its position in the message. A dead letter must show both. */
  readonly text: string;
  readonly index: number | undefined;
  /** Whether a second copy of its dead letter can be told apart from a second pulse. */
  readonly hasIdentity: boolean;
}

export interface SentMessage {
  readonly publication: Publication;
  readonly pulses: readonly SentPulse[];
}

/** How one message is made; drawn by fast-check. */
export interface MessagePlan {
  readonly identities: readonly number[];
  /** Where the identity is: in each pulse, or only in the message. */
  readonly idIn: 'body' | 'message';
  readonly packing: 'single' | 'array';
}

/** The same plan always makes the same message, byte by byte. */
export function messageOf({ identities, idIn, packing }: MessagePlan): SentMessage {
  const used = packing === 'single' ? identities.slice(0, 1) : identities;
  const messageId = idIn === 'message' ? `m-${packing}-${used.join('-')}` : undefined;
  const pulses = used.map((identity, at) =>
    pulseOf(identity, { messageId, index: packing === 'single' ? undefined : at }),
  );
  const texts = pulses.map(({ text }) => text);
  const body = Buffer.from(packing === 'single' ? (texts[0] ?? '') : `[${texts.join(', ')}]`);
  return { publication: { exchange: QUEUE, routingKey: QUEUE, body, messageId }, pulses };
}

function kindOf(identity: number): Kind {
  if (identity % 8 === 3) return 'bad';
  return identity % 8 === 5 ? 'anonymous' : 'good';
}

function pulseOf(
  identity: number,
  { messageId, index }: { messageId: string | undefined; index: number | undefined },
): SentPulse {
  const kind = kindOf(identity);
  // A message id gives an identity even to a pulse without an id.
  const anonymous = kind === 'anonymous' && messageId === undefined;
  const huge = identity % 8 === 6;
  const tenant = anonymous ? `anonymous-${identity}` : huge ? 'huge' : 'acme';
  const ownId = messageId === undefined && !anonymous ? `p-${identity}` : undefined;
  const id = ownId ?? (index === undefined ? messageId : `${messageId ?? ''}#${index}`);
  const key = { tenant, sku: `sku-${identity % 2}`, unit: 'GB' };
  const nanos = huge ? HUGE_NANOS : BigInt(identity + 1) * 1_234_567_891n;
  const timestamp = identity % 3 === 0 ? new Date(WALL_START_MS).toISOString() : undefined;
  const json = JSON.stringify({
    tenant,
    product_sku: key.sku,
    use_unity: key.unit,
    used_amount: kind === 'bad' ? '-1' : decimalOf(nanos),
    id: ownId,
    timestamp,
  });
  // A malformed pulse would invalidate a whole array.
  const malformed = identity === 11 && index === undefined;
  const sumKey = sumKeyOf(toSumField({ ...key, windowStartSec: 0 }));
  return {
    kind: kind === 'anonymous' && !anonymous ? 'good' : kind,
    identity: anonymous || id === undefined ? sumKey : fingerprintText(tenant, id),
    sumKey,
    nanos,
    text: malformed ? json.slice(0, -1) : json,
    index,
    hasIdentity: !anonymous && !(malformed && messageId === undefined),
  };
}

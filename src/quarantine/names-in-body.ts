/** Finds the tenant and the id in a body that was refused. Best effort: something is wrong with the body. */
import { isId } from '../contract/parse-pulse.ts';
import { ID_LENGTH_MAX, TENANT_LENGTH_MAX } from '../contract/rules.ts';
import { hasTooManyValues } from '../core/json-size.ts';
import { storableText } from '../core/storable.ts';

/** Larger bodies are not parsed, nor are those with very many members. */
const BODY_BYTES_MAX = 1024 * 1024;

export interface NamesInBody {
  /** Of a pulse, or of all pulses of an array; null when there is none or more than one. */
  readonly tenant: string | null;
  /** Undefined: a pulse without an id of its own. Null: no pulse, several, or an id that breaks the rules. */
  readonly ownId: string | null | undefined;
  /** Elements of an array, else one; also one when the body is not read. */
  readonly pulseCount: number;
}

const UNREAD: NamesInBody = { tenant: null, ownId: null, pulseCount: 1 };

/** What else may give a pulse its id. */
export interface PulseOrigin {
  readonly messageId: string | null;
  readonly pulseIndex: number | null;
}

export function namesInBody(body: Buffer): NamesInBody {
  if (body.length > BODY_BYTES_MAX || hasTooManyValues(body)) return UNREAD;
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    const pulses = [value].flat();
    const tenants = new Set(pulses.map(tenantOf));
    const [tenant = null] = tenants;
    const pulseCount = pulses.length;
    return { tenant: tenants.size === 1 ? tenant : null, ownId: ownIdOf(value), pulseCount };
  } catch {
    return UNREAD;
  }
}

/** The id that a pulse counts under, as the contract has it. Null also for the id of a message that is too long. */
export function pulseIdOf(
  ownId: NamesInBody['ownId'],
  { messageId, pulseIndex }: PulseOrigin,
): string | null {
  if (ownId !== undefined) return ownId;
  if (messageId === null || messageId === '' || messageId.includes('\ufffd')) return null;
  const id = pulseIndex === null ? messageId : `${messageId}#${pulseIndex}`;
  return id.length <= ID_LENGTH_MAX ? id : null;
}

function tenantOf(pulse: unknown): string | null {
  if (typeof pulse !== 'object' || pulse === null || !('tenant' in pulse)) return null;
  const { tenant } = pulse;
  // A longer one would not fit into the index.
  if (typeof tenant !== 'string' || tenant === '' || tenant.length > TENANT_LENGTH_MAX) return null;
  return storableText(tenant);
}

function ownIdOf(pulse: unknown): NamesInBody['ownId'] {
  if (typeof pulse !== 'object' || pulse === null || Array.isArray(pulse)) return null;
  if (!('id' in pulse)) return undefined;
  return isId(pulse.id) ? storableText(pulse.id) : null;
}

/** Finds the tenant of a body that was refused. Best effort: something is wrong with the body. */
import { TENANT_LENGTH_MAX } from '../contract/rules.ts';
import { hasTooManyValues } from '../core/json-size.ts';
import { storableText } from '../core/storable.ts';

/** Larger bodies are not parsed, nor are those with very many members. */
const BODY_BYTES_MAX = 1024 * 1024;

/** The tenant of a pulse, or of all pulses of an array; null when there is none or more than one. */
export function tenantInBody(body: Buffer): string | null {
  if (body.length > BODY_BYTES_MAX || hasTooManyValues(body)) return null;
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    const tenants = new Set([value].flat().map(tenantOf));
    const [tenant = null] = tenants;
    return tenants.size === 1 ? tenant : null;
  } catch {
    return null;
  }
}

function tenantOf(pulse: unknown): string | null {
  if (typeof pulse !== 'object' || pulse === null || !('tenant' in pulse)) return null;
  const { tenant } = pulse;
  // A longer one would not fit into the index.
  if (typeof tenant !== 'string' || tenant === '' || tenant.length > TENANT_LENGTH_MAX) return null;
  return storableText(tenant);
}

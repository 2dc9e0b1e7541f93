/** Whom a body names, for searching in the quarantine. Best effort: the body is there because something is wrong with it. */
import { TENANT_LENGTH_MAX } from '../contract/rules.ts';
import { storableText } from './storable.ts';

/** Larger bodies are not worth the parsing. */
const BODY_BYTES_MAX = 1024 * 1024;

/** The tenant of a pulse, or the one that all pulses of an array share; null when there is none to tell. */
export function tenantInBody(body: Buffer): string | null {
  if (body.length > BODY_BYTES_MAX) return null;
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
  // Anything longer would not fit the index.
  if (typeof tenant !== 'string' || tenant === '' || tenant.length > TENANT_LENGTH_MAX) return null;
  return storableText(tenant);
}

/** The fingerprint of a pulse's identity, as text, and the key of its sum. */
import { ID_BYTES, IdFingerprints } from '../../src/aggregate/id-fingerprint.ts';

/** The installation's secret. The same in every run. */
export const SECRET = 'simulated';

export function fingerprintText(tenant: string, id: string): string {
  const target = Buffer.alloc(ID_BYTES);
  new IdFingerprints(SECRET).write(target, 0, tenant, id);
  return target.toString('latin1');
}

/** The key of the sum that a field belongs to: the field without its window. */
export function sumKeyOf(field: string): string {
  return field.slice(0, field.lastIndexOf('\t'));
}

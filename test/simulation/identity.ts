/** The fingerprint of a pulse's identity, as text, and the key of its sum. */
import { FINGERPRINT_BYTES, writeFingerprint } from '../../src/aggregate/fingerprint.ts';

/** The installation's secret. The same in every run. */
export const SECRET = 'simulated';

export function fingerprintText(tenant: string, id: string): string {
  const target = Buffer.alloc(FINGERPRINT_BYTES);
  writeFingerprint(target, 0, { secret: SECRET, tenant, id });
  return target.toString('latin1');
}

/** The key of the sum that a hash field belongs to: the field without its hour. */
export function sumKeyOf(field: string): string {
  return field.slice(0, field.lastIndexOf('\x1f'));
}

/** Reads an entry of the journal. Independent of the production code that packs and folds it. */
const ID_BYTES = 10;
const PULSE_BYTES = 16;
const NO_ID = '\0'.repeat(ID_BYTES);

export interface PackedPulse {
  /** Undefined for a pulse without an id. */
  readonly fingerprint: string | undefined;
  readonly field: string;
  readonly nanos: bigint;
}

export function unpackEntry(bytes: Buffer): PackedPulse[] {
  const pulseCount = bytes.readUInt32LE(0);
  const pulsesAt = 8 + pulseCount * ID_BYTES;
  const fields = unpackFields(bytes.subarray(pulsesAt + pulseCount * PULSE_BYTES));
  return Array.from({ length: pulseCount }, (_, index) => {
    const idAt = 8 + index * ID_BYTES;
    const fingerprint = bytes.toString('latin1', idAt, idAt + ID_BYTES);
    const at = pulsesAt + index * PULSE_BYTES;
    const whole = BigInt(bytes.readDoubleLE(at + 4));
    return {
      fingerprint: fingerprint === NO_ID ? undefined : fingerprint,
      field: fields[bytes.readUInt32LE(at)] ?? '',
      nanos: whole * 10n ** 9n + BigInt(bytes.readUInt32LE(at + 12)),
    };
  });
}

function unpackFields(bytes: Buffer): string[] {
  const fields: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 6 + bytes.readUInt16LE(at + 4);
    fields.push(bytes.toString('latin1', at + 6, end));
    at = end;
  }
  return fields;
}

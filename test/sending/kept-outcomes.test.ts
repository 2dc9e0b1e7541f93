import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packOutcomes, unpackOutcomes } from '../../src/sending/kept-outcomes.ts';
import { PULSE_FIELDS, type SendOutcome, type SentPulse } from '../../src/sending/sent-pulse.ts';

const idAt = (index: number) => `made-${index}`;
const text = fc.string({ unit: 'binary' });

test('packed outcomes and the request give the same outcomes again', () => {
  const accepted = fc.record({ ownId: fc.option(text, { nil: undefined }) });
  const rejected = fc.record({
    field: text,
    code: fc.constantFrom('invalid_tenant', 'malformed_json', 'tenant_not_allowed'),
    reason: text,
  });
  fc.assert(
    fc.property(fc.array(fc.oneof(accepted, rejected)), (results) => {
      const pulses = results.map((result): SentPulse => {
        const value = 'ownId' in result ? { id: result.ownId } : null;
        return { ok: true, value, source: () => '', fields: PULSE_FIELDS };
      });
      const outcomes = results.map((result, index): SendOutcome => {
        if (!('ownId' in result)) return { index, status: 'rejected', ...result };
        return { index, status: 'accepted', id: result.ownId ?? idAt(index) };
      });
      expect(unpackOutcomes(packOutcomes(outcomes), pulses, idAt)).toEqual(outcomes);
    }),
  );
});

/** Reads the pulses from a request's body, in any of the formats. */
import { ARRAY_LENGTH_MAX } from '../contract/rules.ts';
import { readRecords, type RecordReader, type SentRecords } from '../http/sent-records.ts';
import { fromBinaryEvent, fromStructuredEvent } from './cloud-event.ts';
import { PULSE_FIELDS, type SentPulse } from './sent-pulse.ts';
import { SENDING_PROBLEMS } from './sending-problems.ts';

const PULSES: RecordReader<SentPulse> = {
  noun: 'pulse',
  countMax: ARRAY_LENGTH_MAX,
  tooMany: SENDING_PROBLEMS.PULSE_API_TOO_MANY_PULSES,
  fromValue: (value, source) => ({ ok: true, value, source, fields: PULSE_FIELDS }),
  fromCloudEvent: fromStructuredEvent,
  fromEventHeaders: fromBinaryEvent,
  refuseLine: (reason) => ({
    ok: false,
    refusal: { field: 'body', code: 'malformed_json', reason },
  }),
};

/**
 * The pulses of a request, in order. A pulse that cannot be read is a refusal in its place.
 *
 * @throws ProblemError As readRecords.
 */
export function readBody(sent: SentRecords): SentPulse[] {
  return readRecords(sent, PULSES);
}

/** The traffic of populate runs: good pulses of 100 tenants over the last hour. */
import { PulseWriter } from './pulse-writer.ts';

export interface MessageOptions {
  /** A UUID. The same id at the same `nowMs` gives the same bytes, and another one gives other ids. */
  readonly runId: string;
  readonly nowMs: number;
  /** Pulses of all messages. */
  readonly count: number;
  /** In each message but the last, which has the rest; 1 to ARRAY_LENGTH_MAX. */
  readonly pulsesPerMessage: number;
  /** Is told of each pulse after it was written. */
  readonly onPulse?: (written: PulseWriter) => void;
}

export interface GeneratedMessage {
  /** A pulse, or an array of them when messages may hold several. */
  readonly body: Buffer;
  readonly messageId: string;
  readonly pulseCount: number;
}

const TRAFFIC = { tenants: 100, skus: 20, units: 3, hours: 1 };

/** Yields the messages. A pulse without an id of its own gets one from its message and its place in it. */
export function* generateMessages(options: MessageOptions): Generator<GeneratedMessage, void> {
  const { runId, nowMs, count, pulsesPerMessage, onPulse } = options;
  const seed = Number.parseInt(runId.slice(0, 8), 16);
  const writer = new PulseWriter({ ...TRAFFIC, seed, runId, nowMs });
  for (let start = 0; start < count; start += pulsesPerMessage) {
    const end = Math.min(count, start + pulsesPerMessage);
    let text = '';
    for (let index = start; index < end; index++) {
      text += (index === start ? '' : ',') + writer.write(writer.idOf(index));
      onPulse?.(writer);
    }
    const body = Buffer.from(pulsesPerMessage === 1 ? text : `[${text}]`);
    yield { body, messageId: writer.idOf(start), pulseCount: end - start };
  }
}

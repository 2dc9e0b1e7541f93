/** The log of what was published. Written before the broker is told, so that nothing published is missing from it. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { PlannedPublication, PlannedPulse } from './traffic.ts';

/** `unknown`: the connection was lost before the broker confirmed, or the broker refused. */
export type PublishOutcome = 'confirmed' | 'unknown';

/** One publish. The same publication may be published several times. */
export interface Publish {
  readonly messageId: string | undefined;
  readonly pulses: readonly PlannedPulse[];
  outcome: PublishOutcome;
}

export interface IntentLog {
  readonly path: string;
  /** Writes the intent; returns the number of the publish. */
  intend(publication: PlannedPublication): number;
  settle(publish: number, outcome: PublishOutcome): void;
  close(): void;
}

export function createIntentLog(path: string): IntentLog {
  const file = openSync(path, 'w');
  let last = 0;
  return {
    path,
    intend({ messageId, pulses }) {
      last += 1;
      writeSync(file, `${JSON.stringify({ publish: last, messageId, pulses }, bigintAsText)}\n`);
      return last;
    },
    settle(publish, outcome) {
      writeSync(file, `${JSON.stringify({ publish, outcome })}\n`);
    },
    close() {
      closeSync(file);
    },
  };
}

/** Reads a log. A publish without an outcome is unknown. */
export function readIntentLog(path: string): Publish[] {
  const publishes = new Map<number, Publish>();
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line === '') continue;
    const entry = JSON.parse(line) as LogLine;
    if (entry.pulses !== undefined) {
      const pulses = entry.pulses.map((pulse) => ({ ...pulse, nanos: BigInt(pulse.nanos) }));
      const { messageId } = entry;
      publishes.set(entry.publish, { messageId, pulses, outcome: 'unknown' });
    } else {
      const publish = publishes.get(entry.publish);
      if (publish !== undefined) publish.outcome = entry.outcome;
    }
  }
  return [...publishes.values()];
}

type LogLine =
  | {
      readonly publish: number;
      readonly messageId?: string;
      readonly pulses: readonly (Omit<PlannedPulse, 'nanos'> & { readonly nanos: string })[];
    }
  | {
      readonly publish: number;
      readonly pulses?: undefined;
      readonly outcome: PublishOutcome;
    };

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

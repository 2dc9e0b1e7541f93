/** The bytes of the messages of one consumer, on one connection after another, that are in progress or wait. */
import type { ReadGate } from '../platform/read-gate.ts';

export interface HeldBytes {
  /** From now on, nothing more is read while there are more than the limit. Not before every consumer is set up. */
  readonly bound: (gate: ReadGate) => void;
  readonly add: (bytes: number) => void;
  readonly remove: (bytes: number) => void;
}

/** @param bytesMax One message more may be held, whatever its size. */
export function createHeldBytes(bytesMax: number): HeldBytes {
  let held = 0;
  let bounded: ReadGate | undefined;
  const update = (): void => {
    if (held > bytesMax) bounded?.close();
    else bounded?.open();
  };
  return {
    bound(gate) {
      bounded = gate;
      update();
    },
    add(bytes) {
      held += bytes;
      update();
    },
    remove(bytes) {
      held -= bytes;
      update();
    },
  };
}

/**
 * The pulses of one body as columns: nothing is allocated for a pulse whose key is known.
 *
 * The parser fills them for each body, so they are valid until it parses the next one. All of it is numbers and bytes:
 * what fills it could be written in another language.
 */
import type { BodyOutcome } from './body-outcome.ts';
import type { AggregateKey, ParsedPulse } from './pulse.ts';
import { ARRAY_LENGTH_MAX } from './rules.ts';

/** What a key is known as: see KnownKeys. */
export interface KnownKey {
  readonly key: AggregateKey;
}

export class PulseRecords<K extends KnownKey> {
  body: Buffer = Buffer.alloc(0);
  isArray = false;
  count = 0;
  /** The id of pulses without their own, see `fallbackIdOf`. */
  messageId: string | undefined;
  /** undefined: the outcome of this element is in `others`. */
  readonly keys = new Array<K | undefined>(ARRAY_LENGTH_MAX).fill(undefined);
  /** The amounts, see Amount. */
  readonly wholes = new Float64Array(ARRAY_LENGTH_MAX);
  readonly nanos = new Uint32Array(ARRAY_LENGTH_MAX);
  readonly usedAtMs = new Float64Array(ARRAY_LENGTH_MAX);
  /** Where the id stands in the body, in printable ASCII; 0 when it stands elsewhere. */
  readonly idStarts = new Int32Array(ARRAY_LENGTH_MAX);
  readonly idEnds = new Int32Array(ARRAY_LENGTH_MAX);
  /** Ids that had to be decoded. */
  readonly decodedIds = new Map<number, string>();
  /** Elements that are not of the usual shape: where they stand, and, when they are parsed, what became of them. */
  readonly unusual: { readonly index: number; readonly start: number; readonly end: number }[] = [];
  readonly others = new Map<number, BodyOutcome>();

  /** Empties it for a body. */
  begin(body: Buffer, messageId: string | undefined): void {
    this.body = body;
    this.messageId = messageId;
    this.isArray = false;
    this.count = 0;
    if (this.decodedIds.size > 0) this.decodedIds.clear();
    if (this.unusual.length > 0) {
      this.unusual.length = 0;
      this.others.clear();
    }
  }

  addUnusual(start: number, end: number): void {
    this.keys[this.count] = undefined;
    this.decodedIds.delete(this.count);
    this.unusual.push({ index: this.count, start, end });
    this.count += 1;
  }

  /** The id of a pulse; undefined when neither it nor its message has one. */
  idOf(index: number): string | undefined {
    const start = this.idStarts[index] ?? 0;
    if (start > 0) return this.body.toString('latin1', start, this.idEnds[index]);
    if (this.decodedIds.size > 0) {
      const id = this.decodedIds.get(index);
      if (id !== undefined) return id;
    }
    return fallbackIdOf(this.messageId, this.isArray ? index : undefined);
  }

  /** @throws RangeError when the element is one of `others`. */
  pulseAt(index: number): ParsedPulse {
    const known = this.keys[index];
    if (known === undefined) throw new RangeError(`No usual pulse at ${index}.`);
    return {
      ...known.key,
      amount: { whole: this.wholes[index] ?? 0, nano: this.nanos[index] ?? 0 },
      usedAtMs: this.usedAtMs[index] ?? 0,
      id: this.idOf(index),
    };
  }

  /** The outcome of each element, in their order. */
  outcomes(): BodyOutcome[] {
    return Array.from(
      { length: this.count },
      (_, index) => this.others.get(index) ?? this.pulseAt(index),
    );
  }
}

/** The id of a pulse without its own: the message's, with `#index` added inside an array. */
export function fallbackIdOf(
  messageId: string | undefined,
  index: number | undefined,
): string | undefined {
  if (messageId === undefined || messageId === '') return undefined;
  return index === undefined ? messageId : `${messageId}#${index}`;
}

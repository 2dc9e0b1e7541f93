/**
 * What must be known of a batch's deliveries until it is settled: their bodies, copied end to end, and how they came.
 *
 * The messages themselves are not kept. One is some ten objects, and held until its acknowledgement all of them
 * outlive the young generation: their garbage collection cost a sixth of the thread's time.
 */
import type { DeliveredMessage } from '../core/dead-letter.ts';

/** All of a delivery but its body. */
export type Origin = Omit<DeliveredMessage, 'content'>;

const BODY_BYTES_AT_FIRST = 64 * 1024;

export class TakenDeliveries {
  #bodies = Buffer.allocUnsafeSlow(BODY_BYTES_AT_FIRST);
  /** Where the body of each delivery ends. */
  readonly #ends: number[] = [];
  /** Only those that differ from the one before: most producers send every message alike. */
  readonly #origins: Origin[] = [];
  /** The first delivery of each origin. */
  readonly #originStarts: number[] = [];

  get count(): number {
    return this.#ends.length;
  }

  get bodyBytes(): number {
    return this.#ends.at(-1) ?? 0;
  }

  /** In the order of delivery, each once in a row. */
  get origins(): readonly Origin[] {
    return this.#origins;
  }

  add({ content, fields, properties }: DeliveredMessage): void {
    const start = this.bodyBytes;
    const end = start + content.length;
    if (end > this.#bodies.length) this.#grow(end);
    this.#bodies.set(content, start);
    const last = this.#origins.at(-1);
    if (last === undefined || !isAlike(last, fields, properties)) {
      const { exchange, routingKey, redelivered } = fields;
      this.#origins.push({ fields: { exchange, routingKey, redelivered }, properties });
      this.#originStarts.push(this.#ends.length);
    }
    this.#ends.push(end);
  }

  /** The delivery at `index`; undefined when there are not as many. */
  at(index: number): DeliveredMessage | undefined {
    const end = this.#ends[index];
    if (end === undefined) return undefined;
    const start = this.#ends[index - 1] ?? 0;
    const origin = this.#origins[this.#originStarts.findLastIndex((first) => first <= index)];
    return origin && { ...origin, content: this.#bodies.subarray(start, end) };
  }

  #grow(bytesMin: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(bytesMin, this.#bodies.length * 2));
    larger.set(this.#bodies);
    this.#bodies = larger;
  }
}

/** Whether a delivery came just like the one before; amqplib gives all of them the same properties, set or not. */
function isAlike(last: Origin, fields: DeliveredMessage['fields'], properties: object): boolean {
  if (
    fields.exchange !== last.fields.exchange ||
    fields.routingKey !== last.fields.routingKey ||
    fields.redelivered !== last.fields.redelivered
  ) {
    return false;
  }
  const given = properties as Readonly<Record<string, unknown>>;
  const before = last.properties as Readonly<Record<string, unknown>>;
  for (const name in given) {
    const value = given[name];
    if (value !== before[name] && !(isEmpty(value) && isEmpty(before[name]))) return false;
  }
  return true;
}

function isEmpty(headers: unknown): boolean {
  if (typeof headers !== 'object' || headers === null) return false;
  for (const _name in headers) return false;
  return true;
}

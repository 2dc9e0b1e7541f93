/** Copies the headers of any message into a dead letter, whatever they contain. */

/** Pulse's own headers, so that no producer can forge them; the broker's; and those that the broker routes by. */
const NOT_COPIED = /^(x-pulse-|x-death$|x-first-death-|x-last-death-|x-delivery-count$|CC$|BCC$)/;
/** Half of the room beside Pulse's own headers. A message with more loses all of its headers. */
const BYTES_MAX = 32 * 1024;
/** The limit of an AMQP short string: a property, or the name of a header. */
export const SHORT_TEXT_BYTES_MAX = 255;
const DEPTH_MAX = 8;

/**
 * Copies headers so that they can be sent again.
 *
 * amqplib decodes more than it encodes (NaN, integers beyond 2⁵³), and an error in encoding would keep a bad pulse
 * out of the quarantine forever. Such numbers are sent as doubles, other values as null.
 *
 * @returns Only `x-pulse-headers-dropped`, their number, when the headers are too large.
 */
export function copyHeaders(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const budget = { bytes: BYTES_MAX };
  const copied: [string, unknown][] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (NOT_COPIED.test(name) || Buffer.byteLength(name) > SHORT_TEXT_BYTES_MAX) continue;
    budget.bytes -= Buffer.byteLength(name);
    copied.push([name, copyValue(value, DEPTH_MAX, budget)]);
    if (budget.bytes < 0) return { 'x-pulse-headers-dropped': Object.keys(headers).length };
  }
  return Object.fromEntries(copied);
}

/** Bytes that are not UTF-8 grow when they are decoded, so a routing key may be too long to send again. */
export function shortened(text: string): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(SHORT_TEXT_BYTES_MAX));
  return text.slice(0, read);
}

/**
 * The address for replies, unless it is the one that RabbitMQ replaces in what a client publishes that listens to it.
 * It closes the channel of any other, and a client of another protocol can send it.
 */
export function sendableReplyTo(replyTo: string | undefined): string | undefined {
  return replyTo === 'amq.rabbitmq.reply-to' ? undefined : replyTo;
}

function copyValue(value: unknown, depth: number, budget: { bytes: number }): unknown {
  budget.bytes -= 16;
  if (budget.bytes < 0) return null;
  if (typeof value === 'string') {
    budget.bytes -= Buffer.byteLength(value);
    return value;
  }
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) ? value : { '!': 'double', value };
  }
  return typeof value === 'object' ? copyObject(value, depth, budget) : null;
}

function copyObject(value: object | null, depth: number, budget: { bytes: number }): unknown {
  if (value === null) return null;
  if (Buffer.isBuffer(value)) {
    budget.bytes -= value.length;
    return value;
  }
  if (depth === 0) return null;
  if (Array.isArray(value)) return value.map((item) => copyValue(item, depth - 1, budget));
  if (isTimestamp(value)) return value;
  // amqplib would read any other table with the key `!` as a typed value, and refuse it.
  const entries: [string, unknown][] = [];
  for (const [name, item] of Object.entries(value)) {
    const nameBytes = Buffer.byteLength(name);
    if (nameBytes > SHORT_TEXT_BYTES_MAX) continue;
    budget.bytes -= nameBytes;
    entries.push([name === '!' ? 'type' : name, copyValue(item, depth - 1, budget)]);
  }
  return Object.fromEntries(entries);
}

/** An AMQP timestamp as amqplib decodes it. */
function isTimestamp(value: object): boolean {
  if (!('!' in value) || value['!'] !== 'timestamp' || !('value' in value)) return false;
  return Number.isSafeInteger(value.value) && Number(value.value) >= 0;
}

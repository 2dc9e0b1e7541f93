/** The texts of good pulses. Cheap: whoever fills a queue should wait for the broker, not for the generator. */
import { createHash } from 'node:crypto';
import { createRandom, type Random } from './random.ts';

export interface TrafficOptions {
  /** 32 bits. */
  readonly seed: number;
  /** How many different names; at least 1 each. The first few hold awkward characters. */
  readonly tenants: number;
  readonly skus: number;
  readonly units: number;
  /** Timestamps lie within this many hours before `nowMs`; stay below the age limit. */
  readonly hours: number;
  readonly nowMs: number;
  /** Each index of each run has its own pulse id. */
  readonly runId: string;
}

interface Name {
  readonly text: string;
  readonly json: string;
}

const AWKWARD_TENANTS = [
  'a:b|c"😀',
  "O'Brien \\ Söhne",
  '{s}:live',
  'テナント,%s',
  ' spaced  out ',
];
const AWKWARD_SKUS = ['cpu/hour: "big"|1', 'disk;DROP TABLE pulses', '\\N'];
const AWKWARD_UNITS = ['GB·h', 'm²|"'];

const MS_PER_HOUR = 3_600_000;
const MILLISECONDS = Array.from({ length: 1_000 }, (_, ms) => `.${padded(ms, 3)}Z"}`);
/** The ends of ids, four hexadecimal digits. */
const ID_ENDS = Array.from({ length: 0x10000 }, (_, end) => end.toString(16).padStart(4, '0'));

/** Holds what the last written pulse consists of. */
export class PulseWriter {
  tenant = '';
  sku = '';
  unit = '';
  /** Exact decimal text. */
  amount = '';
  timeMs = 0;
  readonly random: Random;
  readonly #options: TrafficOptions;
  readonly #tenants: readonly Name[];
  readonly #skus: readonly Name[];
  readonly #units: readonly Name[];
  /** The text of each second that was used, by its distance from the first. */
  readonly #seconds: string[] = [];
  readonly #firstSecond: number;
  readonly #idPrefix: string;
  #idStart = '';
  #idTurn = -1;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.random = createRandom(options.seed);
    this.#tenants = makeNames('tenant', options.tenants, AWKWARD_TENANTS);
    this.#skus = makeNames('product_sku', options.skus, AWKWARD_SKUS);
    this.#units = makeNames('use_unity', options.units, AWKWARD_UNITS);
    this.#firstSecond = Math.floor((options.nowMs - options.hours * MS_PER_HOUR) / 1000);
    this.#idPrefix = idPrefixOf(options.runId);
  }

  /** The id of the pulse with this index: a UUID of version 8. */
  idOf(index: number): string {
    const turn = Math.floor(index / 0x10000);
    if (turn !== this.#idTurn) {
      this.#idTurn = turn;
      this.#idStart = this.#idPrefix + turn.toString(16).padStart(8, '0');
    }
    return this.#idStart + (ID_ENDS[index % 0x10000] ?? '');
  }

  /** @returns The JSON of the next good pulse. Every second one leaves its identity to the AMQP message. */
  write(id: string): string {
    const { random } = this;
    const tenant = pick(this.#tenants, random);
    const sku = pick(this.#skus, random);
    const unit = pick(this.#units, random);
    const { nowMs, hours } = this.#options;
    const timeMs = nowMs - Math.floor(random.fraction() * hours * MS_PER_HOUR);
    const amount = this.#writeAmount();
    const start = random.below(2) === 0 ? `{"id":"${id}",` : '{';
    this.tenant = tenant.text;
    this.sku = sku.text;
    this.unit = unit.text;
    this.timeMs = timeMs;
    return start + tenant.json + sku.json + unit.json + amount + this.#time(timeMs);
  }

  /** Never 0. A number has at most 9 significant digits; a string up to 12 before and 9 after the point. */
  #writeAmount(): string {
    const { random } = this;
    const form = random.below(16);
    if (form < 4) {
      this.amount = `${random.below(100_000)}.${1 + random.below(9)}${random.below(10)}`;
      return this.amount;
    }
    if (form < 6) {
      this.amount = String(1 + random.below(1_000));
      return this.amount;
    }
    const whole = form === 6 ? random.below(1_000_000) * 1_000_000 + 1 : random.below(10_000);
    const decimals = 1 + random.below(9);
    const fraction = padded(1 + random.below(10 ** decimals - 1), decimals);
    this.amount = `${whole}.${fraction}`;
    return `"${this.amount}"`;
  }

  #time(timeMs: number): string {
    const second = Math.floor(timeMs / 1000);
    const text = (this.#seconds[second - this.#firstSecond] ??=
      `,"timestamp":"${new Date(second * 1000).toISOString().slice(0, 19)}`);
    return text + (MILLISECONDS[timeMs - second * 1000] ?? '');
  }
}

/** As members of a pulse; the last one also begins the amount. */
function makeNames(member: string, count: number, awkward: readonly string[]): Name[] {
  const stem = member.replace(/^(?:product|use)_/, '').replace('unity', 'unit');
  return Array.from({ length: count }, (_, index) => {
    const text = awkward[index] ?? `${stem}-${padded(index, 4)}`;
    const next = member === 'use_unity' ? '"used_amount":' : '';
    return { text, json: `"${member}":${JSON.stringify(text)},${next}` };
  });
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}

function pick(names: readonly Name[], random: Random): Name {
  const name = names[random.below(names.length)];
  if (name === undefined) throw new RangeError('tenants, skus and units must be at least 1.');
  return name;
}

/** The first 24 characters of a UUID of version 8; the index of the pulse is the rest. */
function idPrefixOf(runId: string): string {
  const hex = createHash('sha256').update(runId).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-`;
}

/** Sums by slot, as numbers in one long array: no object for a sum, and one line of the processor's cache to add to it. */
import { NANO_LIMB, WHOLE_LIMB } from '../core/amount.ts';
import type { CountedSum } from './sum-field.ts';

const ROWS_AT_FIRST = 64;
/** The numbers of a row, and where each of them is. */
const NUMBERS = 4;
const COUNT = 0;
const HIGH = 1;
const WHOLE = 2;
const NANO = 3;

export class SumRows {
  #numbers = new Float64Array(ROWS_AT_FIRST * NUMBERS);

  /** Makes room for the rows below `count`. New ones are zero. */
  reserve(count: number): void {
    if (count * NUMBERS <= this.#numbers.length) return;
    const larger = new Float64Array(Math.max(count * NUMBERS, 2 * this.#numbers.length));
    larger.set(this.#numbers);
    this.#numbers = larger;
  }

  /** Adds the amount of one pulse. @returns How many pulses the row has now. */
  addPulse(slot: number, whole: number, nano: number): number {
    const numbers = this.#numbers;
    const at = slot * NUMBERS;
    let wholeSum = (numbers[at + WHOLE] ?? 0) + whole;
    let nanoSum = (numbers[at + NANO] ?? 0) + nano;
    if (nanoSum >= NANO_LIMB) {
      nanoSum -= NANO_LIMB;
      wholeSum += 1;
    }
    if (wholeSum >= WHOLE_LIMB) {
      wholeSum -= WHOLE_LIMB;
      numbers[at + HIGH] = (numbers[at + HIGH] ?? 0) + 1;
    }
    numbers[at + WHOLE] = wholeSum;
    numbers[at + NANO] = nanoSum;
    const count = (numbers[at + COUNT] ?? 0) + 1;
    numbers[at + COUNT] = count;
    return count;
  }

  read(slot: number): CountedSum {
    const numbers = this.#numbers;
    const at = slot * NUMBERS;
    return {
      pulseCount: numbers[at + COUNT] ?? 0,
      amount: {
        high: numbers[at + HIGH] ?? 0,
        whole: numbers[at + WHOLE] ?? 0,
        nano: numbers[at + NANO] ?? 0,
      },
    };
  }

  write(slot: number, { pulseCount, amount }: CountedSum): void {
    const numbers = this.#numbers;
    const at = slot * NUMBERS;
    numbers[at + COUNT] = pulseCount;
    numbers[at + HIGH] = amount.high;
    numbers[at + WHOLE] = amount.whole;
    numbers[at + NANO] = amount.nano;
  }
}

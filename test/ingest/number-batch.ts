/** A batch of numbers that is full at a given size, for tests of the batcher. */
export class NumberBatch {
  readonly deliveries: number[] = [];
  readonly #size: number;
  constructor(size: number) {
    this.#size = size;
  }
  get isFull(): boolean {
    return this.deliveries.length >= this.#size;
  }
  add(delivery: number): void {
    this.deliveries.push(delivery);
  }
}

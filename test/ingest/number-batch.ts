/** A batch of numbers that is full at a size: all that a batcher needs of one. */
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

/** The acknowledgements of one channel. Those of one turn go together: RabbitMQ spends more on each than on a message. */

/** What is known of a delivery here. */
export interface Acknowledgeable {
  readonly fields: { readonly deliveryTag: number };
}

export interface Acknowledgements<Delivery extends Acknowledgeable> {
  /** Every delivery, in the order of arrival, before anything else is done with it. */
  delivered(delivery: Delivery): void;
  /** Once for a delivery. Resolves when the acknowledgement is written, or has no use any more. */
  acknowledge(delivery: Delivery): Promise<void>;
  /** The same for several, oldest first; they are written when it returns. */
  acknowledgeAll(deliveries: readonly Delivery[]): void;
}

/** @param ack With `allUpTo`, it acknowledges every earlier delivery too. */
export function createAcknowledgements<Delivery extends Acknowledgeable>(
  ack: (delivery: Delivery, allUpTo: boolean) => void,
): Acknowledgements<Delivery> {
  /** Oldest first. */
  const unacknowledged = new Set<number>();
  let waiting: { readonly delivery: Delivery; readonly resolve: () => void }[] = [];

  function acknowledgeAll(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) unacknowledged.delete(tagOf(delivery));
    const [oldest = Infinity] = unacknowledged;
    const last = deliveries.findLast((delivery) => tagOf(delivery) < oldest);
    if (last !== undefined) ack(last, true);
    for (const delivery of deliveries) if (tagOf(delivery) > oldest) ack(delivery, false);
  }

  function flush(): void {
    const flushed = waiting.sort((left, right) => tagOf(left.delivery) - tagOf(right.delivery));
    waiting = [];
    acknowledgeAll(flushed.map(({ delivery }) => delivery));
    for (const { resolve } of flushed) resolve();
  }

  return {
    delivered: ({ fields }) => void unacknowledged.add(fields.deliveryTag),
    acknowledge: (delivery) =>
      new Promise((resolve) => {
        if (waiting.length === 0) setImmediate(flush);
        waiting.push({ delivery, resolve });
      }),
    acknowledgeAll,
  };
}

function tagOf({ fields }: Acknowledgeable): number {
  return fields.deliveryTag;
}

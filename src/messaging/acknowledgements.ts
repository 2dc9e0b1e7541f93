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
}

/** @param ack With `allUpTo`, it acknowledges every earlier delivery too. */
export function createAcknowledgements<Delivery extends Acknowledgeable>(
  ack: (delivery: Delivery, allUpTo: boolean) => void,
): Acknowledgements<Delivery> {
  /** Oldest first. */
  const unacknowledged = new Set<number>();
  let waiting: { readonly delivery: Delivery; readonly resolve: () => void }[] = [];

  function flush(): void {
    const flushed = waiting.sort((left, right) => tagOf(left) - tagOf(right));
    waiting = [];
    for (const one of flushed) unacknowledged.delete(tagOf(one));
    const [oldest = Infinity] = unacknowledged;
    const last = flushed.findLast((one) => tagOf(one) < oldest);
    if (last !== undefined) ack(last.delivery, true);
    for (const one of flushed) {
      if (tagOf(one) > oldest) ack(one.delivery, false);
      one.resolve();
    }
  }

  return {
    delivered: ({ fields }) => void unacknowledged.add(fields.deliveryTag),
    acknowledge: (delivery) =>
      new Promise((resolve) => {
        if (waiting.length === 0) setImmediate(flush);
        waiting.push({ delivery, resolve });
      }),
  };
}

function tagOf({ delivery }: { readonly delivery: Acknowledgeable }): number {
  return delivery.fields.deliveryTag;
}

/** The child's side of child-process.ts. */

export type Answer =
  | { readonly kind: 'done'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly reason: string };

/** Handles one order of the parent. What it returns or resolves with is the answer. */
export type Handler<Order> = (order: Order) => unknown;

/** Answers each order of the parent; ends this process when the parent is gone. */
export function answerParent<Order>(handle: Handler<Order>): void {
  const send = (answer: Answer): void => {
    process.send?.(answer);
  };
  process.on('message', (order: Order) => {
    Promise.resolve()
      .then(() => handle(order))
      .then(
        (value) => {
          send({ kind: 'done', value });
        },
        (error: unknown) => {
          const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
          send({ kind: 'failed', reason });
        },
      );
  });
  process.on('disconnect', () => process.exit());
}

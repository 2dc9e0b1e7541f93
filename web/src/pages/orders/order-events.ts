/** Finds the events about an order among those of its customer. */
import type { components } from '../../api/schema.d.ts';

type Order = Pick<components['schemas']['Order'], 'id' | 'customer_id' | 'history'>;
type Message = Pick<components['schemas']['Message'], 'number' | 'type' | 'stored_at' | 'data'>;

export interface EventsQuery {
  readonly client: string;
  readonly producer: string;
  readonly type: string;
  readonly from: string;
  readonly after: string;
  readonly limit: number;
}

/** Those of a replay that fails again and again are much alike. */
const ENDINGS_MAX = 10;
const PAGE_LENGTH = 100;
const PAGES_MAX = 10;

/** The newest ends that the customer is told about. */
export function endingsOf({ history }: Pick<Order, 'history'>) {
  return history
    .filter(({ status }) => status === 'completed' || status === 'failed')
    .slice(-ENDINGS_MAX);
}

/**
 * Reads from each end of the order forwards: its event comes soon after, and any number of others may follow.
 *
 * @returns By number.
 */
export async function findEvents(
  order: Order,
  read: (query: EventsQuery) => Promise<{ data: readonly Message[]; next: string | null }>,
): Promise<readonly Message[]> {
  const search = async ({ status, at }: Order['history'][number]) => {
    const of = { client: order.customer_id, producer: 'pulse', type: `order.${status}`, from: at };
    // Numbers begin with 1, and a number as `after` asks for the oldest first.
    let after: string | null = '0';
    for (let page = 0; page < PAGES_MAX && after !== null; page += 1) {
      const { data, next } = await read({ ...of, after, limit: PAGE_LENGTH });
      const found = data.filter((message) => isAbout(message, order.id));
      if (found.length > 0 || data.length === 0) return found;
      after = next;
    }
    return [];
  };
  const found = (await Promise.all(endingsOf(order).map(search))).flat();
  const byNumber = new Map(found.map((message) => [message.number, message]));
  return [...byNumber.values()].sort((a, b) => a.number - b.number);
}

function isAbout({ data }: Message, orderId: string): boolean {
  return (data as { order_id?: unknown }).order_id === orderId;
}

/**
 * `order.enrichment.requested` → every item is priced, the customer checked, the external service asked;
 * the result is frozen on the order.
 *
 * | # | step | if everything dies right after it |
 * |---|---|---|
 * | 1 | read order, customer, products, prices and the month's quantities | read again |
 * | 2 | call the external service, outside any transaction | called again under the same Idempotency-Key |
 * | 3 | one transaction: price with the month's quantities locked, store, publish `order.enriched` | done; a copy of the message finds the enrichment and calls nobody |
 */
import type { Pool } from 'pg';
import { findCustomer, findOffer, type Offer } from '../catalog/catalog.ts';
import { priceQuantity } from '../catalog/prices.ts';
import { formatNano, parseNano } from '../core/decimal.ts';
import { defineHandler, ImpossibleError, type MessageHandler } from '../messaging/handler.ts';
import type { EnrichmentClient } from './enrichment-client.ts';
import { failOrder } from './fail-order.ts';
import { mayBeChangedBy, type OrderFailure, type OrderHead, type OrderItem } from './orders.ts';
import {
  addMonthlyQuantities,
  changeState,
  insertEnrichment,
  lockOrder,
  readItems,
  readMonthlyQuantities,
  readOrder,
} from './orders-query.ts';
import { orderMessage, orderQueues, parseOrderMessage } from './orders-queues.ts';
import { takeUpAgain } from './take-up-again.ts';

export interface EnrichOrderDeps {
  readonly pool: Pool;
  readonly prefix: string;
  /** Undefined: no external service is configured. */
  readonly service: EnrichmentClient | undefined;
}

/** The largest total that numeric(38,9) holds. */
const TOTAL_NANO_MAX = 10n ** 38n - 1n;

interface Prepared {
  /** The prices as they were when the service was asked. */
  readonly offer: Offer;
  readonly data: unknown;
}

export function enrichOrder({ pool, prefix, service }: EnrichOrderDeps): MessageHandler {
  return defineHandler<{ readonly orderId: string }, Prepared | undefined>({
    binding: orderQueues(prefix).enrichment,
    parse: parseOrderMessage,
    async prepare({ orderId }, { signal }) {
      const order = await readOrder(pool, orderId);
      if (order === undefined || order.isEnriched) return undefined;
      const { items, customerId, currency } = order;
      await assertCustomer(pool, customerId);
      const offer = await readOffer(pool, order, items);
      if (service === undefined) return { offer, data: undefined };
      // An estimate: another order of the customer may be priced before this one.
      const skus = items.map(({ sku }) => sku);
      const priced = price(items, offer, await readMonthlyQuantities(pool, { customerId, skus }));
      const request = {
        orderId,
        customerId,
        currency,
        totalAmount: priced.totalAmount,
        items: items.map(({ sku, qty }, index) => ({
          sku,
          qty,
          amount: priced.items[index]?.amount ?? '0',
        })),
      };
      return { offer, data: await service.enrich(request, signal) };
    },
    async apply({ client, publish }, { body: { orderId }, prepared }, { message }) {
      const order = await lockOrder(client, orderId);
      if (order === undefined) {
        throw failure('unknown_order', `There is no order ${orderId}.`);
      }
      if (!mayBeChangedBy(message, order.status)) return;
      if (order.status === 'failed') await takeUpAgain(client, order);
      if (order.status === 'pending') {
        await changeState(client, order, { to: 'processing', reason: 'replayed' });
      }
      if (!order.isEnriched) {
        if (prepared === undefined) throw new RangeError('The order was enriched, and is not.');
        const customer = await assertCustomer(client, order.customerId);
        const items = await readItems(client, orderId);
        const ordered = await addMonthlyQuantities(client, {
          orderId,
          customerId: order.customerId,
        });
        const { name, email, tenant } = customer;
        await insertEnrichment(client, orderId, {
          ...price(items, prepared.offer, ordered),
          customer: { name, email, tenant },
          tenant,
          data: prepared.data,
        });
      }
      await publish(orderMessage(prefix, 'enriched', { orderId }));
    },
    abandon: failOrder(prefix),
  });
}

async function assertCustomer(client: Pick<Pool, 'query'>, id: string) {
  const customer = await findCustomer(client, id);
  if (customer === undefined) {
    throw failure('unknown_customer', `There is no customer "${id}".`);
  }
  return customer;
}

/** @throws ImpossibleError A product is unknown or inactive, or has no price in the order's currency. */
async function readOffer(
  client: Pick<Pool, 'query'>,
  { currency }: OrderHead,
  items: readonly OrderItem[],
): Promise<Offer> {
  const skus = items.map(({ sku }) => sku);
  const offer = await findOffer(client, { skus, currency, at: new Date() });
  for (const sku of skus) {
    const product = offer.products.get(sku);
    if (product === undefined) throw failure('unknown_sku', `There is no product "${sku}".`);
    if (!product.active) throw failure('inactive_product', `Product "${sku}" is not active.`);
    if (!offer.prices.has(sku)) {
      throw failure('no_price', `Product "${sku}" has no price in ${currency} at present.`);
    }
  }
  return offer;
}

/** @param ordered How much of each SKU the customer has ordered this month. */
function price(
  items: readonly OrderItem[],
  { prices }: Offer,
  ordered: ReadonlyMap<string, number>,
) {
  const priced = items.map(({ sku, qty }) => {
    const found = prices.get(sku);
    if (found === undefined) throw new RangeError(`No price for "${sku}".`);
    return priceQuantity(found, { qty, before: ordered.get(sku) ?? 0 });
  });
  const total = priced.reduce((sum, { amount }) => sum + parseNano(amount), 0n);
  if (total > TOTAL_NANO_MAX) {
    throw failure('amount_out_of_range', 'The total has more than 29 digits before the point.');
  }
  return { items: priced, totalAmount: formatNano(total) };
}

function failure(code: OrderFailure | 'unknown_order', detail: string): ImpossibleError {
  return new ImpossibleError({ code, detail });
}

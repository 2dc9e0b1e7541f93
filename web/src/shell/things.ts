/** Where a text may lead: what it is the id or the name of. */

export interface Thing {
  readonly label: string;
  /** Inside the console. */
  readonly path: string;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const ROW_ID = /^[1-9][0-9]{0,18}$/;

export function thingsFor(text: string): readonly Thing[] {
  const id = encodeURIComponent(text);
  const byName = [
    { label: `Usage of tenant ${text}`, path: `/usage?tenant=${id}` },
    { label: `Usage of SKU ${text}`, path: `/usage?product_sku=${id}` },
    { label: `Pulses of tenant ${text}`, path: `/pulses?tenant=${id}` },
    { label: `Dead letters of tenant ${text}`, path: `/dead-letters?tenant=${id}&state=any` },
    {
      label: `Dead letters of the pulse ${text}`,
      path: `/dead-letters?pulse_id=${id}&state=any`,
    },
    {
      label: `Dead letters with message id ${text}`,
      path: `/dead-letters?message_id=${id}&state=any`,
    },
    { label: `Customer ${text}`, path: `/catalogue/customers/${id}` },
    { label: `Product ${text}`, path: `/catalogue/products/${id}` },
    { label: `Orders of customer ${text}`, path: `/orders?customer_id=${id}` },
    { label: `Subscriptions of user ${text}`, path: `/subscriptions?user_id=${id}` },
    { label: `Endpoint ${text}`, path: `/events/endpoints/${id}` },
    { label: `Event type ${text}`, path: `/events/types/${id}` },
    { label: `Messages of client ${text}`, path: `/events/messages?client=${id}` },
  ];
  if (ROW_ID.test(text)) return [{ label: `Pulses row ${text}`, path: `/pulses/${id}` }, ...byName];
  if (!UUID.test(text)) return byName;
  return [
    { label: `Order ${text}`, path: `/orders/${id}` },
    { label: `Subscription ${text}`, path: `/subscriptions/${id}` },
    { label: `Dead letter ${text}`, path: `/dead-letters/${id}` },
    { label: `Delivery ${text}`, path: `/events/deliveries/${id}` },
    { label: `Export ${text}`, path: `/exports/${id}` },
    { label: `Workflow ${text}`, path: `/workflows/${id}` },
    ...byName,
  ];
}

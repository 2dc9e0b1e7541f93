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
    { label: `Customer ${text}`, path: `/catalogue/customers/${id}` },
    { label: `Product ${text}`, path: `/catalogue/products/${id}` },
  ];
  if (ROW_ID.test(text)) return [{ label: `Pulses row ${text}`, path: `/pulses/${id}` }, ...byName];
  if (!UUID.test(text)) return byName;
  return [
    { label: `Export ${text}`, path: `/exports/${id}` },
    { label: `Workflow ${text}`, path: `/workflows/${id}` },
    ...byName,
  ];
}

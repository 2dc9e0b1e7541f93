-- What a customer has ordered of a product in a calendar month (UTC), as far as it is enriched: it decides the tier.
CREATE TABLE ordered_quantities (
  customer_id text COLLATE "C" NOT NULL,
  sku text COLLATE "C" NOT NULL,
  -- Its first day.
  month date NOT NULL,
  qty bigint NOT NULL CHECK (qty > 0),
  PRIMARY KEY (customer_id, sku, month)
);
INSERT INTO ordered_quantities (customer_id, sku, month, qty)
SELECT orders.customer_id, item.sku, date_trunc('month', orders.enriched_at AT TIME ZONE 'UTC')::date, sum(item.qty)
FROM orders JOIN order_items item ON item.order_id = orders.id
WHERE orders.enriched_at IS NOT NULL
GROUP BY 1, 2, 3;

-- It served the sum that the table replaces.
DROP INDEX order_items_sku;

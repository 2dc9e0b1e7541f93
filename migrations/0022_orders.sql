-- Orders: from an HTTP request to a completed, priced order.
CREATE TABLE orders (
  id uuid PRIMARY KEY,
  -- No foreign key: an order of a customer who does not exist fails, with a reason.
  customer_id text COLLATE "C" NOT NULL CHECK (length(customer_id) BETWEEN 1 AND 128),
  status text NOT NULL CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
  currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  -- From here on frozen when the order is enriched; NULL before.
  total_amount numeric(38,9),
  -- The customer as it was: {"name": …, "email": …, "tenant": …}.
  customer jsonb,
  enriched_at timestamptz,
  -- Raised by every change; part of the cache's key.
  version integer NOT NULL DEFAULT 1,
  -- Of the newest failure, until the order is completed.
  failure_code text,
  failure_detail text,
  -- The tenant of the customer, once it is known: whose orders these are.
  tenant text COLLATE "C",
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX orders_created ON orders (created_at, id);
CREATE INDEX orders_customer ON orders (customer_id, created_at, id);
CREATE INDEX orders_status ON orders (status, created_at, id);
CREATE INDEX orders_tenant ON orders (tenant, created_at, id);

CREATE TABLE order_items (
  order_id uuid NOT NULL REFERENCES orders,
  -- From 0, in the order of the request.
  position integer NOT NULL CHECK (position BETWEEN 0 AND 99),
  sku text COLLATE "C" NOT NULL CHECK (length(sku) BETWEEN 1 AND 128),
  qty integer NOT NULL CHECK (qty BETWEEN 1 AND 1000000),
  -- Frozen when the order is enriched. The amount is the sum over the tiers, so it may not be a multiple.
  unit_amount numeric(20,9),
  amount numeric(38,9),
  PRIMARY KEY (order_id, position)
);
-- What a customer has ordered of a product in a month decides the tier.
CREATE INDEX order_items_sku ON order_items (sku, order_id);

-- What the enrichment found. Only ever inserted into.
CREATE TABLE order_enrichments (
  order_id uuid PRIMARY KEY REFERENCES orders,
  -- What the external service answered; NULL when there is none.
  data jsonb,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Every state of every order, with the reason. Only ever inserted into.
CREATE TABLE order_changes (
  order_id uuid NOT NULL REFERENCES orders,
  -- The version of the order that the change made.
  version integer NOT NULL,
  status text NOT NULL CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
  -- Such as 'created', 'enriched', 'replayed', or the code of a failure.
  reason text NOT NULL,
  detail text,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (order_id, version)
);
CREATE TRIGGER order_changes_insert_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON order_changes
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER order_enrichments_insert_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON order_enrichments
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON orders, order_items, order_changes TO pulse_all_tenants;
GRANT SELECT ON orders, order_items, order_changes, order_enrichments
  TO pulse_all_tenants, pulse_some_tenants;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON orders TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON orders FOR SELECT TO pulse_some_tenants
  USING (coalesce((SELECT scope_tenants()) ? tenant, false));
ALTER TABLE order_items ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON order_items TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON order_items FOR SELECT TO pulse_some_tenants
  USING (EXISTS (SELECT FROM orders WHERE orders.id = order_id));
ALTER TABLE order_changes ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON order_changes TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON order_changes FOR SELECT TO pulse_some_tenants
  USING (EXISTS (SELECT FROM orders WHERE orders.id = order_id));
ALTER TABLE order_enrichments ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON order_enrichments TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON order_enrichments FOR SELECT TO pulse_some_tenants
  USING (EXISTS (SELECT FROM orders WHERE orders.id = order_id));

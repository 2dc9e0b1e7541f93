-- Subscriptions: who has a product, from when to when.

-- What a handler answered, so that a message that comes twice gets the same answer. JSON as it was sent.
ALTER TABLE inbox ADD COLUMN reply text;

CREATE TABLE subscriptions (
  id uuid PRIMARY KEY,
  -- The id of a customer. No foreign key: a subscription may be purchased before its customer is known.
  user_id text COLLATE "C" NOT NULL CHECK (length(user_id) BETWEEN 1 AND 128),
  -- NULL: for every product.
  sku text COLLATE "C" CHECK (length(sku) BETWEEN 1 AND 128),
  order_id uuid,
  -- What the newest change in effect led to; 'pending' before the first takes effect.
  status text NOT NULL CHECK (status IN ('pending', 'active', 'canceled')),
  -- The newest change in effect; 0 before the first.
  applied_number integer NOT NULL CHECK (applied_number >= 0),
  -- When the next pending change takes effect.
  due_at timestamptz,
  -- Raised by everything that an answer about the subscription shows.
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The transaction of the last change: readers that poll ask for what is newer than their last snapshot.
  changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX subscriptions_created ON subscriptions (created_at, id);
CREATE INDEX subscriptions_user ON subscriptions (user_id, created_at, id);
CREATE INDEX subscriptions_sku ON subscriptions (sku, created_at, id);
CREATE INDEX subscriptions_status ON subscriptions (status, created_at, id);
CREATE INDEX subscriptions_due ON subscriptions (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX subscriptions_changed ON subscriptions (changed_xid);

-- Every change of every subscription, in effect or pending. Only ever inserted into.
CREATE TABLE subscription_changes (
  subscription_id uuid NOT NULL REFERENCES subscriptions,
  -- From 1, in the order in which they were made.
  number integer NOT NULL CHECK (number >= 1),
  kind text NOT NULL CHECK (kind IN ('purchased', 'canceled', 'restarted')),
  effective_at timestamptz NOT NULL,
  cause text NOT NULL CHECK (cause IN ('api', 'rpc', 'order', 'command')),
  changed_by text NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (subscription_id, number)
);

-- Pending changes that were withdrawn before they took effect. Only ever inserted into.
CREATE TABLE subscription_withdrawals (
  subscription_id uuid NOT NULL,
  number integer NOT NULL,
  withdrawn_by text NOT NULL,
  withdrawn_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (subscription_id, number),
  FOREIGN KEY (subscription_id, number) REFERENCES subscription_changes
);
CREATE TRIGGER subscription_changes_insert_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON subscription_changes
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER subscription_withdrawals_insert_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON subscription_withdrawals
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- For readers that poll: a customer who gets another tenant changes what his subscriptions admit.
ALTER TABLE customers ADD COLUMN changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX customers_changed ON customers (changed_xid);

GRANT SELECT ON subscriptions, subscription_changes, subscription_withdrawals
  TO pulse_all_tenants, pulse_some_tenants;
-- A subscription belongs to the tenant of its customer, as it is now: the policy of customers decides.
ALTER TABLE subscriptions ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON subscriptions FOR SELECT TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON subscriptions FOR SELECT TO pulse_some_tenants
  USING (EXISTS (SELECT FROM customers WHERE customers.id = user_id));
ALTER TABLE subscription_changes ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON subscription_changes FOR SELECT TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON subscription_changes FOR SELECT TO pulse_some_tenants
  USING (EXISTS (SELECT FROM subscriptions WHERE subscriptions.id = subscription_id));
ALTER TABLE subscription_withdrawals ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON subscription_withdrawals FOR SELECT TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON subscription_withdrawals FOR SELECT TO pulse_some_tenants
  USING (EXISTS (SELECT FROM subscriptions WHERE subscriptions.id = subscription_id));

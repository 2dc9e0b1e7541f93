-- Delivery: the endpoints of clients, what is to be sent to each, and every attempt.

CREATE TABLE endpoints (
  id text COLLATE "C" PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 128),
  client text COLLATE "C" NOT NULL REFERENCES customers,
  url text NOT NULL CHECK (length(url) BETWEEN 1 AND 2048),
  description text CHECK (length(description) <= 1024),
  -- NULL: every type.
  types text[] COLLATE "C" CHECK (cardinality(types) BETWEEN 1 AND 100),
  -- Members that the data must have, with these values; NULL: any data.
  filter jsonb,
  -- One message after another, in the order of their numbers.
  is_fifo boolean NOT NULL DEFAULT false,
  -- NULL: as fast as it answers.
  rate_per_second integer CHECK (rate_per_second BETWEEN 1 AND 1000),
  status text NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'disabled', 'deleted')),
  disabled_reason text CHECK (disabled_reason IN ('gone', 'failing', 'requested')),
  -- Encrypted; empty when the endpoint is deleted.
  secret bytea NOT NULL,
  -- Signs beside the new one until then, while a secret rotates.
  previous_secret bytea,
  previous_secret_until timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX endpoints_client ON endpoints (client, id);

-- What the senders know of an endpoint. One process at a time serves an endpoint.
CREATE TABLE endpoint_states (
  endpoint_id text COLLATE "C" PRIMARY KEY REFERENCES endpoints,
  -- Up to this number of the client, each message has its delivery if it needs one.
  seen_number bigint NOT NULL CHECK (seen_number >= 0),
  -- When the next delivery is due; NULL: none is pending.
  due_at timestamptz,
  held_by uuid,
  held_until timestamptz,
  -- The first failure since the last success.
  failing_since timestamptz,
  failures_in_row integer NOT NULL DEFAULT 0 CHECK (failures_in_row >= 0),
  last_attempt_at timestamptz,
  last_success_at timestamptz
);

-- One row for each message and endpoint that it is for.
CREATE TABLE deliveries (
  id uuid NOT NULL,
  endpoint_id text COLLATE "C" NOT NULL REFERENCES endpoints,
  client text COLLATE "C" NOT NULL,
  producer text COLLATE "C" NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  message_stored_at timestamptz NOT NULL,
  -- Of the message.
  number bigint NOT NULL,
  type text COLLATE "C" NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
  -- Since it was created, or last sent again on request.
  attempt_count integer NOT NULL DEFAULT 0 CHECK (attempt_count >= 0),
  -- Of all its attempts.
  attempts_total integer NOT NULL DEFAULT 0 CHECK (attempts_total >= 0),
  due_at timestamptz,
  last_status_code integer,
  last_error text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (id, created_at),
  CHECK ((status = 'pending') = (due_at IS NOT NULL))
) PARTITION BY RANGE (created_at);
CREATE INDEX deliveries_due ON deliveries (endpoint_id, due_at) WHERE status = 'pending';
CREATE INDEX deliveries_number ON deliveries (endpoint_id, number);
CREATE INDEX deliveries_pending ON deliveries (endpoint_id, number) WHERE status = 'pending';
CREATE INDEX deliveries_endpoint ON deliveries (endpoint_id, created_at, id);
CREATE INDEX deliveries_client ON deliveries (client, created_at, id);
CREATE INDEX deliveries_created ON deliveries (created_at, id);
CREATE INDEX deliveries_message ON deliveries (producer, message_id);
SELECT ensure_month_partitions('deliveries', now(), now() + interval '1 month');

-- Only ever inserted into.
CREATE TABLE delivery_attempts (
  delivery_id uuid NOT NULL,
  -- From 1.
  number integer NOT NULL CHECK (number >= 1),
  endpoint_id text COLLATE "C" NOT NULL,
  attempted_at timestamptz NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('delivered', 'failed')),
  -- NULL: there was no answer.
  status_code integer,
  duration_ms integer NOT NULL CHECK (duration_ms >= 0),
  error text,
  -- The first KiB of the answer, escaped.
  response text CHECK (length(response) <= 8192),
  PRIMARY KEY (delivery_id, number, attempted_at)
) PARTITION BY RANGE (attempted_at);
SELECT ensure_month_partitions('delivery_attempts', now(), now() + interval '1 month');

GRANT SELECT ON endpoints, endpoint_states, deliveries, delivery_attempts TO pulse_all_tenants, pulse_some_tenants;
ALTER TABLE endpoints ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON endpoints FOR SELECT TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON endpoints FOR SELECT TO pulse_some_tenants
  USING (EXISTS (SELECT FROM customers WHERE customers.id = client));
ALTER TABLE endpoint_states ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON endpoint_states FOR SELECT TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON endpoint_states FOR SELECT TO pulse_some_tenants
  USING (EXISTS (SELECT FROM endpoints WHERE endpoints.id = endpoint_id));
ALTER TABLE deliveries ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON deliveries FOR SELECT TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON deliveries FOR SELECT TO pulse_some_tenants
  USING (EXISTS (SELECT FROM customers WHERE customers.id = client));
ALTER TABLE delivery_attempts ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON delivery_attempts FOR SELECT TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON delivery_attempts FOR SELECT TO pulse_some_tenants
  USING (EXISTS (SELECT FROM endpoints WHERE endpoints.id = endpoint_id));

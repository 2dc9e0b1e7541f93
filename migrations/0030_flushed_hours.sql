-- Hours whose usage has reached Postgres and was not announced yet. A flush writes them in the transaction of its batch;
-- the announcement deletes them in the transaction that stores the message.
CREATE TABLE flushed_hours (
  tenant text COLLATE "C" NOT NULL,
  hour timestamptz NOT NULL,
  flush_batch_id uuid NOT NULL,
  pulse_count bigint NOT NULL CHECK (pulse_count > 0),
  PRIMARY KEY (tenant, hour, flush_batch_id)
);

GRANT SELECT ON flushed_hours TO pulse_all_tenants, pulse_some_tenants;
ALTER TABLE flushed_hours ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON flushed_hours FOR SELECT TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON flushed_hours FOR SELECT TO pulse_some_tenants
  USING (coalesce((SELECT scope_tenants()) ? tenant, false));

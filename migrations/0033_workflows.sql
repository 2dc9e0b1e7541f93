-- Workflows: data that waits in a queue until somebody consumes it.
CREATE TABLE workflows (
  id uuid PRIMARY KEY,
  -- Whose it is: the tenants of whoever inserted it; NULL: all tenants.
  tenants text[] COLLATE "C",
  -- Callers with the same tenants share limits.
  share text NOT NULL,
  created_by text NOT NULL,
  -- The customer who is told when it is consumed.
  client text,
  status text NOT NULL DEFAULT 'inserted' CHECK (status IN ('inserted', 'consumed')),
  -- Raised with each message. A message of another round is old.
  round integer NOT NULL DEFAULT 1 CHECK (round > 0),
  -- The message of its round is in the queue, or on its way there.
  is_queued boolean NOT NULL DEFAULT true,
  data jsonb NOT NULL,
  -- The same text, with numbers as they were written: jsonb stores 1e2 as 100.
  data_text text NOT NULL,
  steps text[] NOT NULL CHECK (cardinality(steps) BETWEEN 1 AND 50),
  -- The file that whoever consumed it got.
  csv text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  consumed_at timestamptz,
  consumed_by text,
  CHECK (is_queued OR status = 'consumed'),
  CHECK ((status = 'consumed') = (csv IS NOT NULL)),
  CHECK ((status = 'consumed') = (consumed_at IS NOT NULL)),
  CHECK ((status = 'consumed') = (consumed_by IS NOT NULL))
);
CREATE INDEX workflows_created ON workflows (created_at, id);
CREATE INDEX workflows_queued ON workflows (share) WHERE is_queued;

GRANT SELECT ON workflows TO pulse_all_tenants, pulse_some_tenants;
ALTER TABLE workflows ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON workflows FOR SELECT TO pulse_all_tenants USING (true);
-- Whoever may see all its tenants.
CREATE POLICY some_tenants ON workflows FOR SELECT TO pulse_some_tenants
  USING (coalesce((SELECT scope_tenants()) ?& tenants, false));

-- Exports: a question, and the file that answers it.
CREATE TABLE exports (
  id uuid PRIMARY KEY,
  -- Whose answer it is: the tenants of the caller; NULL: all tenants.
  tenants text[] COLLATE "C",
  -- Callers with the same tenants share limits.
  share text NOT NULL,
  created_by text NOT NULL,
  report text NOT NULL CHECK (length(report) BETWEEN 1 AND 64),
  parameters jsonb NOT NULL,
  format text NOT NULL CHECK (format IN ('csv', 'ndjson')),
  gzip boolean NOT NULL,
  spreadsheet boolean NOT NULL CHECK (NOT spreadsheet OR format = 'csv'),
  -- Rows that came later are left out.
  as_of timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'queued'
    CHECK (state IN ('queued', 'running', 'ready', 'failed', 'canceled', 'expired')),
  -- Raised by everyone who starts to work on it. Whoever has an older one has lost it, and his file is not this one's.
  fence integer NOT NULL DEFAULT 0,
  attempt_count integer NOT NULL DEFAULT 0,
  -- Queued: not before then.
  not_before timestamptz NOT NULL DEFAULT now(),
  -- Running: until then nobody else takes it.
  lease_until timestamptz,
  -- [{"step": "query", "started_at": …, "ended_at": …}] of the newest attempt.
  steps jsonb NOT NULL DEFAULT '[]',
  rows_estimated bigint,
  rows_written bigint NOT NULL DEFAULT 0,
  bytes_written bigint NOT NULL DEFAULT 0,
  -- Of the file, once it is ready.
  row_count bigint,
  byte_count bigint,
  sha256 text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  sums jsonb,
  failure_code text,
  failure_detail text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_at timestamptz,
  ended_at timestamptz,
  expires_at timestamptz,
  CHECK ((state = 'running') = (lease_until IS NOT NULL)),
  CHECK (state NOT IN ('ready', 'expired') OR sha256 IS NOT NULL)
);
CREATE INDEX exports_created ON exports (created_at, id);
CREATE INDEX exports_open ON exports (created_at) WHERE state IN ('queued', 'running');
CREATE INDEX exports_ready ON exports (expires_at) WHERE state = 'ready';

GRANT SELECT ON exports TO pulse_all_tenants, pulse_some_tenants;
ALTER TABLE exports ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON exports FOR SELECT TO pulse_all_tenants USING (true);
-- Whoever may see all its tenants.
CREATE POLICY some_tenants ON exports FOR SELECT TO pulse_some_tenants
  USING (coalesce((SELECT scope_tenants()) ?& tenants, false));

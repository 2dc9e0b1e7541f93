-- Load test runs asked for over the API, and how far each has come.
CREATE TABLE populate_runs (
  id uuid PRIMARY KEY,
  state text NOT NULL CHECK (state IN (
    'running', 'completed', 'failed', 'cancelled', 'interrupted'
  )),
  total bigint NOT NULL CHECK (total > 0),
  -- More than total when a publish had to be repeated.
  published bigint NOT NULL DEFAULT 0 CHECK (published >= 0),
  confirmed bigint NOT NULL DEFAULT 0 CHECK (confirmed BETWEEN 0 AND total),
  workers integer NOT NULL CHECK (workers > 0),
  buffer integer NOT NULL CHECK (buffer > 0),
  -- One sentence, when the run failed.
  error text,
  started_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);

-- The lives of Redis, one row each; the newest is the current one. Redis carries the same id beside its
-- counters, so a Redis that was emptied, or another Redis, is noticed before it counts a single pulse.
CREATE TABLE epochs (
  id uuid PRIMARY KEY,
  -- Why a person began a new one; null for the first.
  note text,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

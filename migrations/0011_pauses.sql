-- Who told ingest to pause or to go on, when and why. The newest row is what holds; all workers look at it, so
-- a pause outlives every restart.
CREATE TABLE pauses (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  action text NOT NULL CHECK (action IN ('paused', 'resumed')),
  -- What was said on the command line.
  actor text NOT NULL,
  note text,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TRIGGER pauses_insert_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON pauses
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A populate run may send several pulses in a message. Earlier runs sent one.
ALTER TABLE populate_runs
  ADD COLUMN pulses_per_message integer NOT NULL DEFAULT 1
    CHECK (pulses_per_message BETWEEN 1 AND 1000);

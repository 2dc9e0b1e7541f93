-- The id of the pulse that a dead letter is, so that it is found by the id that its producer knows.

SET LOCAL lock_timeout = '5s';

-- NULL: older than this column, no pulse, or a pulse without an id that can be read.
ALTER TABLE dead_letters ADD COLUMN pulse_id text COLLATE "C";
CREATE INDEX dead_letters_pulse_id ON dead_letters (pulse_id, received_at, id)
  WHERE pulse_id IS NOT NULL;
-- A fix may give a dead letter another id.
GRANT UPDATE (pulse_id) ON dead_letters TO pulse_all_tenants, pulse_some_tenants;

-- A flush takes the ids of its rows at once and counts its blocks while it writes, so that nobody reads the rows again.

SET LOCAL lock_timeout = '5s';

-- The lowest id of the batch's rows; the others follow it. Null: each row took its own id, and its batch's trigger counted.
ALTER TABLE flush_batches ADD COLUMN first_id bigint;

-- Takes so many ids that follow each other. Like begin_pulse_blocks, it first tells readers what is not settled.
--
-- A sequence hands out several numbers only in two steps. Others take none in between: the lock is exclusive here, and flushes
-- whose rows take their own ids hold it until their commit. It is released at once, by rolling back what takes it, because
-- flushes must not wait for each other; what is done to a sequence stays.
CREATE FUNCTION take_pulse_ids(row_count bigint) RETURNS bigint LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  last_id bigint := coalesce(pg_sequence_last_value('pulses_id_seq'::regclass), 0);
  first_id bigint;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtext('pulse blocks'), (last_id & 2147483647)::integer);
  BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('pulse ids'), 0);
    first_id := nextval('pulses_id_seq'::regclass);
    PERFORM setval('pulses_id_seq'::regclass, first_id + row_count - 1);
    RAISE EXCEPTION USING ERRCODE = 'PU001';
  EXCEPTION WHEN SQLSTATE 'PU001' THEN
    RETURN first_id;
  END;
END $$;

-- Versions before this one still flush during an upgrade.
CREATE FUNCTION wait_for_pulse_ids() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtext('pulse ids'), 0);
  RETURN NEW;
END $$;
CREATE TRIGGER flush_batches_ids BEFORE INSERT ON flush_batches
  FOR EACH ROW WHEN (NEW.first_id IS NULL) EXECUTE FUNCTION wait_for_pulse_ids();
DROP TRIGGER flush_batches_begun ON flush_batches;
CREATE TRIGGER flush_batches_begun BEFORE INSERT ON flush_batches
  FOR EACH ROW WHEN (NEW.first_id IS NULL) EXECUTE FUNCTION begin_pulse_blocks();
DROP TRIGGER flush_batches_counted ON flush_batches;
CREATE CONSTRAINT TRIGGER flush_batches_counted AFTER INSERT ON flush_batches
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.first_id IS NULL) EXECUTE FUNCTION count_pulse_blocks();

RESET lock_timeout;

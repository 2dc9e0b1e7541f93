-- Pages of the list of pulses, whatever their number, in about the time of the first one.

-- A list of a tenant's rows comes by id. With the id in the index, neither counting nor ordering reads the rows.
CREATE INDEX pulses_tenant_sku_window_id ON pulses (tenant, product_sku, window_start, id);

-- How many rows of pulses there are below an id, so that any page of the list is found without walking to it.
--
-- A block is the ids that agree in all but their last 14 bits: 16,384 of them. What a flush adds to a block is a row of
-- its own, so flushes that overlap do not wait for each other, and the sums are right whichever commits first.
CREATE TABLE pulse_blocks (
  block bigint NOT NULL,
  -- Its first day, UTC. Rows of a month that was dropped no longer count.
  month date NOT NULL,
  flush_batch_id uuid NOT NULL,
  row_count integer NOT NULL CHECK (row_count > 0),
  window_min timestamptz NOT NULL,
  window_max timestamptz NOT NULL,
  PRIMARY KEY (block, month, flush_batch_id)
);
-- Counts over all tenants are nobody's business who may see some.
GRANT SELECT ON pulse_blocks TO pulse_all_tenants;

-- The months that pulses has. One that is being detached is gone for every new query.
CREATE FUNCTION pulses_months() RETURNS SETOF date LANGUAGE sql STABLE AS $$
  SELECT to_date(right(relname::text, 7), 'YYYY_MM')
  FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class ON pg_class.oid = inhrelid
  WHERE inhparent = 'pulses'::regclass AND NOT inhdetachpending AND relname ~ '^pulses_[0-9]{4}_[0-9]{2}$'
$$;

-- A flush enters its batch before its rows. Their ids will be greater than the one noted here; of several batches in one
-- transaction, the first notes it for all. The lock tells readers what is not settled, and blocks nobody.
-- A restore has no search path, so it is kept here.
CREATE FUNCTION begin_pulse_blocks() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  last_id bigint;
BEGIN
  IF coalesce(current_setting('pulse.last_id_before', true), '') = '' THEN
    last_id := coalesce(pg_sequence_last_value('pulses_id_seq'::regclass), 0);
    PERFORM set_config('pulse.last_id_before', last_id::text, true);
    PERFORM pg_advisory_xact_lock_shared(hashtext('pulse blocks'), (last_id & 2147483647)::integer);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER flush_batches_begun BEFORE INSERT ON flush_batches
  FOR EACH ROW EXECUTE FUNCTION begin_pulse_blocks();

-- At the end of the transaction, when the rows are there.
CREATE FUNCTION count_pulse_blocks() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO pulse_blocks (block, month, flush_batch_id, row_count, window_min, window_max)
    SELECT id >> 14, date_trunc('month', min(window_start) AT TIME ZONE 'UTC'), NEW.id,
           count(*), min(window_start), max(window_start)
    FROM pulses
    WHERE id > current_setting('pulse.last_id_before')::bigint
      AND window_start BETWEEN NEW.window_min AND NEW.window_max AND flush_batch_id = NEW.id
    GROUP BY id >> 14, pulses.tableoid;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER flush_batches_counted AFTER INSERT ON flush_batches
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION count_pulse_blocks();

-- The id up to which no row will appear any more: flushes take ids before they commit, and commit in any order. Ids that
-- are taken after the first step are above last_id; a flush that took some before it still holds its lock, or is visible
-- to every later snapshot. The lock has the last 31 bits of the id; one that seems to be a billion ids back is of a flush
-- that began after the first step.
CREATE FUNCTION last_settled_pulse() RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
DECLARE
  last_id bigint := coalesce(pg_sequence_last_value('pulses_id_seq'::regclass), 0);
BEGIN
  RETURN last_id - coalesce((
    SELECT max(behind) FROM (
      SELECT (last_id - objid::bigint) & 2147483647 AS behind FROM pg_catalog.pg_locks
      WHERE locktype = 'advisory' AND objsubid = 2 AND classid::bigint = hashtext('pulse blocks') & 4294967295
        AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    ) AS held WHERE behind < 1073741824), 0);
END $$;

-- The triggers exist, so flushes wait from here to the commit. Readers do not.
INSERT INTO pulse_blocks (block, month, flush_batch_id, row_count, window_min, window_max)
SELECT id >> 14, date_trunc('month', min(window_start) AT TIME ZONE 'UTC'), flush_batch_id,
       count(*), min(window_start), max(window_start)
FROM pulses GROUP BY id >> 14, pulses.tableoid, flush_batch_id;

ANALYZE pulse_blocks;

-- Last, because it keeps readers out until the commit; it gives up soon while somebody reads for long.
SET LOCAL lock_timeout = '5s';
DROP INDEX pulses_tenant_sku_window;
RESET lock_timeout;

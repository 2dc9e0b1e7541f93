-- Workflows are deleted some time after they are consumed. One whose message is still in the queue stays: without its
-- row, the message would be a dead letter.
CREATE INDEX workflows_expiring ON workflows (consumed_at) WHERE status = 'consumed' AND NOT is_queued;

-- What callers with the same tenants keep, waiting and consumed, so that an insertion need not add it up.
CREATE TABLE workflow_shares (
  share text PRIMARY KEY,
  kept_bytes bigint NOT NULL
) WITH (fillfactor = 50);

-- Data, steps and CSV, and a flat part for the rest of the row.
CREATE FUNCTION workflow_bytes(data_text text, steps text[], csv text) RETURNS bigint LANGUAGE sql STABLE
  RETURN 1024 + octet_length(data_text) + octet_length(array_to_string(steps, '')) + coalesce(octet_length(csv), 0);

-- Once for each statement and share: a statement that changes nothing here locks nothing. Locks of workflows come before
-- those of shares, and shares are locked in one order, so nobody waits in a circle.
-- A restore has no search path, so it is kept here.
CREATE FUNCTION sum_kept_workflows() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  CASE TG_OP
    WHEN 'INSERT' THEN
      INSERT INTO workflow_shares AS sums (share, kept_bytes)
        SELECT share, sum(workflow_bytes(data_text, steps, csv)) FROM new_rows GROUP BY share ORDER BY share
        ON CONFLICT (share) DO UPDATE SET kept_bytes = sums.kept_bytes + EXCLUDED.kept_bytes;
    WHEN 'UPDATE' THEN
      INSERT INTO workflow_shares AS sums (share, kept_bytes)
        SELECT share, sum(bytes) FROM (
          SELECT share, workflow_bytes(data_text, steps, csv) AS bytes FROM new_rows
          UNION ALL SELECT share, -workflow_bytes(data_text, steps, csv) FROM old_rows
        ) AS changes GROUP BY share HAVING sum(bytes) <> 0 ORDER BY share
        ON CONFLICT (share) DO UPDATE SET kept_bytes = sums.kept_bytes + EXCLUDED.kept_bytes;
    WHEN 'DELETE' THEN
      INSERT INTO workflow_shares AS sums (share, kept_bytes)
        SELECT share, -sum(workflow_bytes(data_text, steps, csv)) FROM old_rows GROUP BY share ORDER BY share
        ON CONFLICT (share) DO UPDATE SET kept_bytes = sums.kept_bytes + EXCLUDED.kept_bytes;
    WHEN 'TRUNCATE' THEN
      DELETE FROM workflow_shares;
  END CASE;
  RETURN NULL;
END $$;
CREATE TRIGGER workflows_inserted AFTER INSERT ON workflows
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sum_kept_workflows();
CREATE TRIGGER workflows_updated AFTER UPDATE ON workflows
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION sum_kept_workflows();
CREATE TRIGGER workflows_deleted AFTER DELETE ON workflows
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION sum_kept_workflows();
CREATE TRIGGER workflows_truncated AFTER TRUNCATE ON workflows
  FOR EACH STATEMENT EXECUTE FUNCTION sum_kept_workflows();

INSERT INTO workflow_shares
SELECT share, sum(workflow_bytes(data_text, steps, csv)) FROM workflows GROUP BY share;

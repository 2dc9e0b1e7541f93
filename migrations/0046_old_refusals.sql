-- Refusals may go from the audit log when they are a day old. Everything else in it stays as it was inserted.

SET LOCAL lock_timeout = '5s';

DROP TRIGGER audit_log_insert_only ON audit_log;
CREATE TRIGGER audit_log_insert_only
  BEFORE UPDATE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- The actions are REFUSALS in src/access/audit.ts.
CREATE TRIGGER audit_log_kept
  BEFORE DELETE ON audit_log FOR EACH ROW
  WHEN (OLD.action NOT IN ('login refused', 'login limited', 'password refused', 'password limited', 'denied')
    OR OLD.at >= now() - interval '1 day')
  EXECUTE FUNCTION refuse_change();

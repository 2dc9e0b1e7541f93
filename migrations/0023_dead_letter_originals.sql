-- A fix may give a dead letter to another tenant. The body as it was sent stays with the tenant that it had.

-- What a fix replaced: the body as it was sent. No one changes it.
CREATE TABLE dead_letter_originals (
  -- Whoever deletes a dead letter by hand deletes its original too.
  dead_letter_id uuid PRIMARY KEY REFERENCES dead_letters ON DELETE CASCADE,
  -- Whom the original body names. NULL: nobody, several, or unknown because it was fixed before this migration.
  original_tenant text COLLATE "C",
  body bytea NOT NULL
);

INSERT INTO dead_letter_originals (dead_letter_id, original_tenant, body)
SELECT id, NULL, body FROM dead_letters WHERE fixed_body IS NOT NULL;
ALTER TABLE dead_letters ALTER COLUMN body DROP NOT NULL;
UPDATE dead_letters SET body = NULL WHERE fixed_body IS NOT NULL;
-- From here on a dead letter holds only the body that a replay sends, and the policy on its tenant is right for it.
ALTER TABLE dead_letters ADD CONSTRAINT dead_letters_one_body CHECK ((body IS NULL) = (fixed_body IS NOT NULL));

-- Moves the original away at the first fix, whoever makes it: the version before this one too, and a role that
-- may not write originals. So it runs as the owner, and finds the table beside the one that was changed.
CREATE FUNCTION move_original_body() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('INSERT INTO %I.dead_letter_originals VALUES ($1, $2, $3)', TG_TABLE_SCHEMA)
    USING OLD.id, OLD.tenant, OLD.body;
  NEW.body := NULL;
  RETURN NEW;
END $$;
-- A trigger needs no right to run. Without this, another table's trigger could write originals.
REVOKE ALL ON FUNCTION move_original_body() FROM PUBLIC;
CREATE TRIGGER dead_letters_move_original BEFORE UPDATE OF fixed_body ON dead_letters
  FOR EACH ROW WHEN (OLD.fixed_body IS NULL AND NEW.fixed_body IS NOT NULL)
  EXECUTE FUNCTION move_original_body();

GRANT SELECT ON dead_letter_originals TO pulse_all_tenants, pulse_some_tenants;
ALTER TABLE dead_letter_originals ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON dead_letter_originals FOR SELECT TO pulse_all_tenants USING (true);
-- The tenant that it had, and the tenant that it has now: nobody else's original is seen.
CREATE POLICY some_tenants ON dead_letter_originals FOR SELECT TO pulse_some_tenants
  USING (coalesce((SELECT scope_tenants()) ? original_tenant, false)
    AND EXISTS (SELECT FROM dead_letters WHERE dead_letters.id = dead_letter_id));

-- The quarantine as people work with it: what became of each dead letter, and who did what to it.
ALTER TABLE dead_letters
  -- 'quarantined' waits for a person.
  ADD COLUMN state text NOT NULL DEFAULT 'quarantined'
    CHECK (state IN ('quarantined', 'replayed', 'discarded')),
  -- Whom the body names, as far as it can be read. For searching only: nothing is billed by it.
  ADD COLUMN tenant text COLLATE "C",
  -- What a person put in the place of the body, which itself stays as it was sent.
  ADD COLUMN fixed_body bytea,
  -- The row in dead_letter_actions that began the newest replay; NULL when it came back, or was fixed or discarded.
  ADD COLUMN replay_id uuid,
  -- Since when its identity may have been counted; NULL: it certainly was not. Once Pulse has forgotten
  -- ids of that time, a replay could count it a second time.
  ADD COLUMN maybe_counted_since timestamptz;

-- The reasons that say nothing about whether it was counted before it came here.
UPDATE dead_letters SET maybe_counted_since = received_at
WHERE reason IN ('delivery_limit', 'sum_overflow', 'unknown');

-- Best effort for what is here already; from now on the writer reads the tenant.
CREATE FUNCTION dead_letter_tenant(body bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  tenant jsonb;
BEGIN
  tenant := convert_from(body, 'UTF8')::jsonb -> 'tenant';
  RETURN CASE WHEN jsonb_typeof(tenant) = 'string' THEN tenant #>> '{}' END;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END $$;
UPDATE dead_letters SET tenant = dead_letter_tenant(body)
WHERE octet_length(body) <= 65536 AND length(dead_letter_tenant(body)) BETWEEN 1 AND 128;
DROP FUNCTION dead_letter_tenant;

CREATE INDEX dead_letters_waiting ON dead_letters (received_at, id) WHERE state = 'quarantined';
CREATE INDEX dead_letters_tenant ON dead_letters (tenant, received_at, id);
CREATE INDEX dead_letters_message_id ON dead_letters (message_id);

-- Who did what, when. Only ever inserted into. No foreign key: the record outlives the dead letter.
CREATE TABLE dead_letter_actions (
  id uuid PRIMARY KEY,
  dead_letter_id uuid NOT NULL,
  action text NOT NULL CHECK (action IN (
    'fixed', 'replay_started', 'replayed', 'reopened', 'discarded'
  )),
  -- NULL: Pulse itself, which reopens what was refused again.
  actor text CHECK ((actor IS NULL) = (action = 'reopened')),
  -- How the actor is known: by a token, or by what was said on the command line.
  via text NOT NULL CHECK (via IN ('api', 'command_line', 'quarantine')),
  at timestamptz NOT NULL DEFAULT now(),
  note text,
  -- SHA-256 of the body that was replaced, and of the one that was put in its place or sent.
  body_sha256_before bytea,
  body_sha256 bytea
);
CREATE INDEX dead_letter_actions_history ON dead_letter_actions (dead_letter_id, at);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'table % is only inserted into', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER dead_letter_actions_insert_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON dead_letter_actions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

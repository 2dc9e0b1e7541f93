-- Who may do what, and the second guard between tenants.

-- Whoever could log in until now could do everything.
ALTER TABLE users
  ADD COLUMN role text NOT NULL DEFAULT 'admin' CHECK (role IN ('viewer', 'operator', 'admin')),
  ADD COLUMN all_tenants boolean NOT NULL DEFAULT true,
  ADD COLUMN tenants text[] COLLATE "C" NOT NULL DEFAULT '{}',
  ADD COLUMN disabled_at timestamptz,
  -- Part of every token. Another password, or being disabled, raises it, and the tokens until then end.
  ADD COLUMN token_version integer NOT NULL DEFAULT 1,
  ADD COLUMN last_login_at timestamptz,
  -- Either all or a list: a list that was lost must not mean all.
  ADD CONSTRAINT users_scope CHECK (all_tenants = (cardinality(tenants) = 0)),
  ADD CONSTRAINT users_admin_scope CHECK (role <> 'admin' OR all_tenants);
ALTER TABLE users
  ALTER COLUMN role DROP DEFAULT,
  ALTER COLUMN all_tenants DROP DEFAULT;

-- Keys of machines. The secret is 256 random bits, so a plain SHA-256 cannot be searched.
CREATE TABLE api_keys (
  id text COLLATE "C" PRIMARY KEY CHECK (id ~ '^[0-9a-f]{16}$'),
  -- What it is for, in a person's words.
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
  secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
  role text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  all_tenants boolean NOT NULL,
  tenants text[] COLLATE "C" NOT NULL DEFAULT '{}',
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
  revoked_at timestamptz,
  -- To the minute.
  last_used_at timestamptz,
  CONSTRAINT api_keys_scope CHECK (all_tenants = (cardinality(tenants) = 0)),
  CONSTRAINT api_keys_admin_scope CHECK (role <> 'admin' OR all_tenants)
);

-- How often a password was guessed. The subject is a keyed hash of an address, or of an account: a name
-- that nobody has may be a password typed into the wrong field.
CREATE TABLE login_attempts (
  subject bytea PRIMARY KEY,
  attempt_count integer NOT NULL,
  blocked_until timestamptz NOT NULL,
  forget_at timestamptz NOT NULL
);
CREATE INDEX login_attempts_forget ON login_attempts (forget_at);

-- Where an account has logged in from, as a keyed hash. Guesses from elsewhere cannot lock it out there.
CREATE TABLE login_addresses (
  username text COLLATE "C" NOT NULL REFERENCES users ON DELETE CASCADE,
  address bytea NOT NULL,
  last_login_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (username, address)
);

-- Who did or tried what. Only ever inserted into. No foreign keys: the record outlives what it is about.
CREATE TABLE audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Such as 'login accepted', 'denied', 'user disabled'.
  action text NOT NULL,
  -- Null: nobody whom we know.
  actor text,
  via text NOT NULL CHECK (via IN ('api', 'command_line')),
  address text,
  request_id text,
  -- What it was done to, such as a username, the id of a key, or a route.
  subject text,
  details jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_at ON audit_log (at);
CREATE TRIGGER audit_log_insert_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The roles that reads take on (src/platform/scoped-postgres.ts). They belong to the whole cluster: another
-- database's migration may have made them, or be making them now, and an administrator may have made
-- them for a user who may not.
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['pulse_all_tenants', 'pulse_some_tenants'] LOOP
    BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
        BEGIN
          EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', wanted);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
          NULL;
        END;
      END IF;
      IF NOT pg_has_role(current_user, wanted,
           CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
        BEGIN
          EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
        EXCEPTION WHEN unique_violation THEN
          NULL;
        END;
      END IF;
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE EXCEPTION 'user % may not make the role %, which keeps tenants apart. As an administrator of '
        'Postgres: ALTER ROLE % CREATEROLE; or CREATE ROLE % NOLOGIN; GRANT % TO %;',
        current_user, wanted, quote_ident(current_user), wanted, wanted, quote_ident(current_user)
        USING ERRCODE = 'insufficient_privilege';
    END;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = wanted AND (rolsuper OR rolbypassrls)) THEN
      RAISE EXCEPTION 'the role % may bypass row-level security. As an administrator of Postgres: '
        'ALTER ROLE % NOSUPERUSER NOBYPASSRLS;', wanted, wanted;
    END IF;
  END LOOP;
END $$;

-- All that the two roles may. No right on a partition: rows are reached through pulses, where the policies
-- are, or not at all.
GRANT SELECT ON pulses, dead_letters, dead_letter_actions TO pulse_all_tenants, pulse_some_tenants;
GRANT SELECT ON flush_batches TO pulse_all_tenants;
-- Counts over all tenants are nobody's business who may see some.
GRANT SELECT (id, shard, window_min, window_max, opened_at, flushed_at) ON flush_batches TO pulse_some_tenants;
GRANT UPDATE (state, tenant, fixed_body, replay_id, maybe_counted_since) ON dead_letters
  TO pulse_all_tenants, pulse_some_tenants;
GRANT INSERT ON dead_letter_actions TO pulse_all_tenants, pulse_some_tenants;

-- The tenants of this transaction, as the keys of an object. Fails when nobody has set them: no rows at all
-- would look like an answer.
CREATE FUNCTION scope_tenants() RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT current_setting('pulse.tenants')::jsonb
$$;

-- Not forced on the owner, who writes: COPY into a table with forced row-level security is refused.
-- In each policy the subselect is evaluated once a query, and coalesce keeps the planner from taking the
-- policy for a rare condition: it must not choose another plan because of it. The index on tenant is used
-- through the query's own filter, which may run first because comparing texts leaks nothing.
ALTER TABLE pulses ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON pulses FOR SELECT TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON pulses FOR SELECT TO pulse_some_tenants
  USING (coalesce((SELECT scope_tenants()) ? tenant, false));

-- What names no tenant, or several, is only seen by those who see all.
ALTER TABLE dead_letters ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON dead_letters TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON dead_letters TO pulse_some_tenants
  USING (coalesce((SELECT scope_tenants()) ? tenant, false));

ALTER TABLE dead_letter_actions ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON dead_letter_actions TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON dead_letter_actions TO pulse_some_tenants
  USING (EXISTS (SELECT FROM dead_letters WHERE dead_letters.id = dead_letter_id));

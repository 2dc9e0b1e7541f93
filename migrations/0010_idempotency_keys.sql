-- Requests that carried an Idempotency-Key, for a day: what was answered, so that a repeated request is
-- answered the same, and the seed of the ids that Pulse gave to its pulses, so that one which is worked
-- through again, because nobody knows how far it came, publishes the same ids and counts once.
CREATE TABLE idempotency_keys (
  -- Kind and name of the caller.
  caller text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL CHECK (length(key) BETWEEN 1 AND 128),
  -- SHA-256 of what was sent.
  fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
  id_seed bytea NOT NULL CHECK (length(id_seed) = 16),
  created_at timestamptz NOT NULL DEFAULT now(),
  -- Until then somebody is taken to be at work on it.
  claimed_until timestamptz NOT NULL,
  -- JSON, as text because an id may hold U+0000; NULL until every pulse has its outcome.
  outcomes text,
  PRIMARY KEY (caller, key)
);
-- Finds the rows whose day is over.
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

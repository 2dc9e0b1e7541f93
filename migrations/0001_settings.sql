-- What every process must agree on, so that two of them can never count by different rules:
-- the number of shards (a pulse's shard must not move while its ids are remembered) and the secret
-- that keys the fingerprints of pulse ids.
CREATE TABLE settings (
  name text PRIMARY KEY,
  value text NOT NULL
);

-- Events: who produces them, which types there are, and every event as a message for its client.

-- Creates the month partitions (UTC) of a table that hold instants from first_at to last_at, where missing.
-- They are made and attached as those of pulses are, so readers and writers are never blocked.
CREATE FUNCTION ensure_month_partitions(parent text, first_at timestamptz, last_at timestamptz)
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  month_start timestamptz := date_trunc('month', first_at, 'UTC');
  month_end timestamptz;
  partition_name text;
BEGIN
  WHILE month_start <= last_at LOOP
    month_end := ((month_start AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
    partition_name := parent || '_' || to_char(month_start AT TIME ZONE 'UTC', 'YYYY_MM');
    IF NOT has_partition(parent, partition_name) THEN
      PERFORM pg_advisory_xact_lock(hashtextextended('pulse partitions', 0));
      IF NOT has_partition(parent, partition_name) THEN
        EXECUTE format(
          'CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)',
          partition_name, parent);
        EXECUTE format(
          'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
          parent, partition_name, month_start, month_end);
      END IF;
    END IF;
    month_start := month_end;
  END LOOP;
END
$$;

-- A query on the catalog and not to_regclass, for the reason that pulses_has_partition has.
CREATE FUNCTION has_partition(parent text, partition_name text)
RETURNS boolean
LANGUAGE sql VOLATILE
AS $$
  SELECT EXISTS (
    SELECT FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = parent::regclass AND relname = partition_name)
$$;

CREATE TABLE producers (
  id text COLLATE "C" PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 128),
  name text CHECK (length(name) BETWEEN 1 AND 256),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
-- Produces the events of Pulse itself.
INSERT INTO producers (id, name) VALUES ('pulse', 'Pulse');

CREATE TABLE event_types (
  name text COLLATE "C" PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 128),
  -- The newest; messages are validated against it.
  version integer NOT NULL CHECK (version >= 1),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- Only ever inserted into.
CREATE TABLE event_type_versions (
  name text COLLATE "C" NOT NULL REFERENCES event_types,
  version integer NOT NULL CHECK (version >= 1),
  -- JSON Schema 2020-12 for the data of an event.
  schema json NOT NULL,
  description text CHECK (length(description) <= 1024),
  -- It may refuse what the version before it accepted.
  is_breaking boolean NOT NULL DEFAULT false,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, version)
);
CREATE TRIGGER event_type_versions_insert_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON event_type_versions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The number of the newest message of each client.
CREATE TABLE message_numbers (
  client text COLLATE "C" PRIMARY KEY REFERENCES customers,
  last_number bigint NOT NULL CHECK (last_number >= 1)
);

-- One row for each event, by the producer and its id. The month is part of the primary key because the table is
-- partitioned by it; whoever inserts holds a lock on the producer, so an id is in one partition only.
CREATE TABLE messages (
  producer text COLLATE "C" NOT NULL REFERENCES producers,
  id text COLLATE "C" NOT NULL CHECK (length(id) BETWEEN 1 AND 256),
  type text COLLATE "C" NOT NULL,
  type_version integer NOT NULL,
  client text COLLATE "C" NOT NULL REFERENCES customers,
  -- From 1, without a gap for each client; in the order in which messages become visible.
  number bigint NOT NULL CHECK (number >= 1),
  -- As it was sent.
  data json NOT NULL,
  occurred_at timestamptz NOT NULL,
  stored_at timestamptz NOT NULL,
  PRIMARY KEY (producer, id, stored_at),
  FOREIGN KEY (type, type_version) REFERENCES event_type_versions
) PARTITION BY RANGE (stored_at);
CREATE UNIQUE INDEX messages_client_number ON messages (client, number, stored_at);
CREATE INDEX messages_stored ON messages (stored_at, producer, id);
SELECT ensure_month_partitions('messages', now(), now() + interval '1 month');

GRANT SELECT ON producers, event_types, event_type_versions TO pulse_all_tenants, pulse_some_tenants;
GRANT SELECT ON messages, message_numbers TO pulse_all_tenants, pulse_some_tenants;
-- A message belongs to the tenant of its client, as it is now: the policy of customers decides.
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON messages FOR SELECT TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON messages FOR SELECT TO pulse_some_tenants
  USING (EXISTS (SELECT FROM customers WHERE customers.id = client));
ALTER TABLE message_numbers ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON message_numbers FOR SELECT TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON message_numbers FOR SELECT TO pulse_some_tenants
  USING (EXISTS (SELECT FROM customers WHERE customers.id = client));

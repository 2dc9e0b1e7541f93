-- Customers, products, prices and units.

-- Units with an exact factor to the base unit of their dimension.
CREATE TABLE units (
  unit text COLLATE "C" PRIMARY KEY CHECK (length(unit) BETWEEN 1 AND 64),
  dimension text COLLATE "C" NOT NULL CHECK (dimension ~ '^[a-z][a-z0-9_]{0,31}$'),
  -- One of this unit is numerator / denominator of the base unit.
  numerator numeric(38,0) NOT NULL CHECK (numerator > 0),
  denominator numeric(38,0) NOT NULL CHECK (denominator > 0),
  created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO units (unit, dimension, numerator, denominator) VALUES
  ('bit', 'information', 1, 8),
  ('B', 'information', 1, 1),
  ('kB', 'information', 1000, 1),
  ('MB', 'information', 1000000, 1),
  ('GB', 'information', 1000000000, 1),
  ('TB', 'information', 1000000000000, 1),
  ('PB', 'information', 1000000000000000, 1),
  ('KiB', 'information', 1024, 1),
  ('MiB', 'information', 1048576, 1),
  ('GiB', 'information', 1073741824, 1),
  ('TiB', 'information', 1099511627776, 1),
  ('PiB', 'information', 1125899906842624, 1),
  ('ms', 'time', 1, 1000),
  ('s', 'time', 1, 1),
  ('min', 'time', 60, 1),
  ('h', 'time', 3600, 1),
  ('day', 'time', 86400, 1),
  ('count', 'count', 1, 1),
  ('k', 'count', 1000, 1),
  ('M', 'count', 1000000, 1);

CREATE TABLE customers (
  id text COLLATE "C" PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 128),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 256),
  email text CHECK (length(email) BETWEEN 3 AND 254),
  -- Whose pulses bill the customer.
  tenant text COLLATE "C" UNIQUE CHECK (length(tenant) BETWEEN 1 AND 128),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE products (
  sku text COLLATE "C" PRIMARY KEY CHECK (length(sku) BETWEEN 1 AND 128),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 256),
  -- A unit of the table, or a product of them such as GB·h.
  unit text COLLATE "C" NOT NULL CHECK (length(unit) BETWEEN 1 AND 64),
  active boolean NOT NULL DEFAULT true,
  recurring boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- Only ever inserted into: the price at an instant is the latest that started before it.
CREATE TABLE prices (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sku text COLLATE "C" NOT NULL REFERENCES products,
  currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  unit_amount numeric(20,9) NOT NULL CHECK (unit_amount >= 0),
  valid_from timestamptz NOT NULL,
  -- {"mode": "graduated" | "volume", "steps": [{"up_to": 100 | null, "unit_amount": "0.5"}, …]}
  tiers jsonb,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (sku, currency, valid_from)
);
CREATE TRIGGER prices_insert_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON prices
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT ON units, products, prices TO pulse_all_tenants, pulse_some_tenants;
GRANT SELECT ON customers TO pulse_all_tenants, pulse_some_tenants;
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON customers FOR SELECT TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON customers FOR SELECT TO pulse_some_tenants
  USING (coalesce((SELECT scope_tenants()) ? tenant, false));

-- Admission: pulses of tenants without a subscription are reported, or refused with this reason.
ALTER TABLE dead_letters DROP CONSTRAINT dead_letters_reason_check;
ALTER TABLE dead_letters ADD CONSTRAINT dead_letters_reason_check CHECK (reason IN (
  'malformed_json',
  'not_an_object',
  'empty_array',
  'array_too_long',
  'body_too_large',
  'invalid_tenant',
  'invalid_product_sku',
  'invalid_use_unity',
  'invalid_used_amount',
  'amount_not_positive',
  'amount_out_of_range',
  'amount_too_precise',
  'invalid_id',
  'invalid_timestamp',
  'timestamp_too_old',
  'timestamp_in_future',
  'sum_overflow',
  'no_subscription',
  'delivery_limit',
  'message_impossible',
  'attempts_exhausted',
  'unknown'
));

-- Who used what without a subscription. For people, not for bills: pulses that are redelivered count again.
CREATE TABLE unsubscribed_usage (
  tenant text COLLATE "C" NOT NULL,
  sku text COLLATE "C" NOT NULL,
  pulse_count bigint NOT NULL CHECK (pulse_count > 0),
  first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, sku)
);

GRANT SELECT ON unsubscribed_usage TO pulse_all_tenants, pulse_some_tenants;
ALTER TABLE unsubscribed_usage ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON unsubscribed_usage FOR SELECT TO pulse_all_tenants USING (true);
CREATE POLICY some_tenants ON unsubscribed_usage FOR SELECT TO pulse_some_tenants
  USING (coalesce((SELECT scope_tenants()) ? tenant, false));

-- The quarantine: every pulse that could not be counted, with the reason and the body as it was sent.
-- The id travels with the dead letter from the moment of refusal, so that a second copy is dropped.
CREATE TABLE dead_letters (
  id uuid PRIMARY KEY,
  -- The closed list of src/core/rejection.ts.
  reason text NOT NULL CHECK (reason IN (
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
    'delivery_limit',
    'unknown'
  )),
  -- One sentence for the person who has to mend it.
  detail text NOT NULL,
  body bytea NOT NULL,
  headers jsonb NOT NULL DEFAULT '{}',
  message_id text,
  -- Position inside an array body; NULL for a body that is not an array.
  pulse_index integer CHECK (pulse_index >= 0),
  exchange text,
  routing_key text,
  redelivered boolean NOT NULL DEFAULT false,
  received_at timestamptz NOT NULL DEFAULT now()
);

-- Newest first, all or of one reason; the id makes the order total.
CREATE INDEX dead_letters_received ON dead_letters (received_at, id);
CREATE INDEX dead_letters_reason_received ON dead_letters (reason, received_at, id);

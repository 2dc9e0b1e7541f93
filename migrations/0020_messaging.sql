-- Which messages each queue has handled. A row commits together with the effects of its message, so a
-- second copy changes nothing.
CREATE TABLE inbox (
  queue text COLLATE "C" NOT NULL,
  -- The AMQP message_id; of a replayed message with the id of the replay behind it.
  message_id text COLLATE "C" NOT NULL,
  handled_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (queue, message_id)
);
CREATE INDEX inbox_handled ON inbox (handled_at);

-- The relays that run, by the id under which graphile-worker locks jobs for them. The jobs of one that has
-- not been seen for a while are unlocked, so that another takes them over.
CREATE TABLE relays (
  id text COLLATE "C" PRIMARY KEY,
  seen_at timestamptz NOT NULL DEFAULT now()
);

-- Dead letters of every queue.
ALTER TABLE dead_letters
  -- Where it could not be handled; NULL: the queue of pulses.
  ADD COLUMN queue text COLLATE "C";
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
  'delivery_limit',
  'message_impossible',
  'attempts_exhausted',
  'unknown'
));
CREATE INDEX dead_letters_queue ON dead_letters (queue, received_at, id);

-- The answer to a request with an Idempotency-Key, compressed, and without the ids that follow from the request and the
-- seed. It replaces `outcomes`, which is no longer written or read; a key that has only outcomes is repeated with the
-- same ids, so its pulses count once.
ALTER TABLE idempotency_keys ADD COLUMN answer bytea;

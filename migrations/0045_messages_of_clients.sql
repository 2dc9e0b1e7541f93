-- The newest messages of a client, whatever others have.

SET LOCAL lock_timeout = '5s';

CREATE INDEX messages_client_stored ON messages (client, stored_at, producer, id);

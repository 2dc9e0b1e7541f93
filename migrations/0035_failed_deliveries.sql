-- Serves the list of failed deliveries of all clients, the newest first: few are, among many.
CREATE INDEX deliveries_failed ON deliveries (created_at, id) WHERE status = 'failed';

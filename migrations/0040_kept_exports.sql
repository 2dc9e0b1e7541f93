-- What callers with the same tenants have, in files and in ended exports, is counted at every request.
CREATE INDEX exports_kept ON exports (created_at) WHERE state IN ('queued', 'running', 'ready');
CREATE INDEX exports_ended ON exports (share, created_at, id) WHERE state IN ('failed', 'canceled', 'expired');

-- The audit log by actor, action and subject, newest first.

SET LOCAL lock_timeout = '5s';

CREATE INDEX audit_log_actor ON audit_log (actor, at);
CREATE INDEX audit_log_action ON audit_log (action, at);
-- A subject may be a path that is too long for an index.
CREATE INDEX audit_log_subject ON audit_log (left(subject, 100), at);

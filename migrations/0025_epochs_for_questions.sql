-- An answer about usage compares the epoch of Redis with the newest one, in the snapshot that it is added up in.
GRANT SELECT (id, started_at) ON epochs TO pulse_all_tenants, pulse_some_tenants;

-- The share of a caller with many tenants is a hash: it is a key of indexes, whose entries have a largest size.
-- As shareOf in src/core/tenant-scope.ts.
UPDATE workflows SET share = 'sha256:' || encode(sha256(convert_to(share, 'UTF8')), 'hex')
WHERE octet_length(share) > 1000;
UPDATE exports SET share = 'sha256:' || encode(sha256(convert_to(share, 'UTF8')), 'hex')
WHERE octet_length(share) > 1000;

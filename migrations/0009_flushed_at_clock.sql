-- When a batch was flushed is told by the clock at the moment of its entry, not by the beginning of its
-- transaction: by then the table is locked for writing. So when a reader finds the table without such a
-- lock, every batch with an earlier time is committed or was rolled back, and what the books were at any
-- earlier instant is settled.
ALTER TABLE flush_batches ALTER COLUMN flushed_at SET DEFAULT clock_timestamp();

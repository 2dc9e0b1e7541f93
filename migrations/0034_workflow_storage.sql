-- Workflows are deleted some time after they are consumed. One whose message is still in the queue stays: without its
-- row, the message would be a dead letter.
CREATE INDEX workflows_expiring ON workflows (consumed_at) WHERE status = 'consumed' AND NOT is_queued;

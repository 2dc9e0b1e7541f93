-- Deleted endpoints are removed when none of their deliveries is kept any more.
CREATE INDEX endpoints_deleted ON endpoints (updated_at) WHERE status = 'deleted';

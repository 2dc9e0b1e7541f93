-- Changes by customer: how many recent ones the subscriptions of one customer have, whatever older ones there are.

SET LOCAL lock_timeout = '5s';

-- That of the subscription, which never changes. NULL: the change is older than this column, and is not counted.
ALTER TABLE subscription_changes ADD COLUMN user_id text COLLATE "C";

CREATE INDEX subscription_changes_recent ON subscription_changes (user_id, greatest(changed_at, effective_at))
  WHERE user_id IS NOT NULL;

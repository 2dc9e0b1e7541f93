-- The length of a window is a setting from here on. An installation that has started before counts by the hour.
INSERT INTO settings (name, value)
SELECT 'window_minutes', '60' WHERE EXISTS (SELECT FROM settings WHERE name = 'shards')
ON CONFLICT (name) DO NOTHING;

-- Give back the slots of calls that are over, and remember how long calls take in each region.
WITH done AS (
    DELETE FROM fleet_calls WHERE id = ANY(%(done)s) RETURNING region, granted_at
), took AS (
    SELECT region, max(extract(epoch FROM clock_timestamp() - granted_at))::float8 AS seconds
    FROM done WHERE granted_at IS NOT NULL GROUP BY region
)
UPDATE fleet_caps SET slowest_seconds = greatest(slowest_seconds * 0.98, took.seconds)
FROM took WHERE scope = took.region

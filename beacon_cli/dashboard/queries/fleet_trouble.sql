-- The regions that the fleet has paused, or that recover.
SELECT region, condition, why, allowed AS calls,
       extract(epoch FROM clock_timestamp() - paused_at)::float8 AS paused_seconds,
       extract(epoch FROM check_at - clock_timestamp())::float8 AS next_check_seconds
FROM region_trouble
ORDER BY region

-- Which of a worker's calls have their slot, and whether as the check call of a pause; and the regions in trouble.
-- `checking`: the check call of this pause is in flight, of a worker that is not lost.
WITH trouble AS (
    SELECT region, condition, allowed, why, paused_at, told, failed_checks,
           extract(epoch FROM paused_at)::float8 AS since, extract(epoch FROM check_at)::float8 AS check_at,
           extract(epoch FROM check_at - clock_timestamp())::float8 AS next_check,
           (SELECT calls FROM fleet_caps WHERE scope = region) AS cap,
           EXISTS (
               SELECT FROM fleet_calls AS call
               JOIN fleet_workers AS worker ON worker.id = call.worker_id AND worker.lost_at IS NULL
               WHERE call.region = region_trouble.region AND call.granted_at >= paused_at
           ) AS checking
    FROM region_trouble
)
SELECT call.id, coalesce(trouble.condition = 'paused' AND call.granted_at >= trouble.paused_at, false), NULL::jsonb
FROM fleet_calls AS call LEFT JOIN trouble ON trouble.region = call.region
WHERE call.worker_id = %(worker)s AND call.granted_at IS NOT NULL AND call.id = ANY(%(waiting)s)
UNION ALL
SELECT NULL, NULL, to_jsonb(trouble) FROM trouble

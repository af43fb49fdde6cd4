-- The fleet in a few numbers, for metrics: jobs in the queue, calls by region, workers that are not known to be lost.
SELECT 'beacon.fleet.jobs' AS name, CASE status WHEN 'todo' THEN 'waiting' ELSE 'running' END AS state, NULL AS region,
       count(*) AS number
FROM beacon_queue.procrastinate_jobs WHERE status IN ('todo', 'doing') GROUP BY status
UNION ALL
SELECT 'beacon.fleet.calls', CASE WHEN granted_at IS NULL THEN 'waiting' ELSE 'in_flight' END, region, count(*)
FROM fleet_calls GROUP BY granted_at IS NULL, region
UNION ALL
SELECT 'beacon.fleet.workers', CASE WHEN draining THEN 'draining' ELSE 'taking' END, NULL, count(*)
FROM fleet_workers WHERE lost_at IS NULL GROUP BY draining

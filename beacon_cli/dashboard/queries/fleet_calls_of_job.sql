-- The calls of a job that are in flight in the fleet, or wait for a slot, by region.
SELECT region, count(*) FILTER (WHERE granted_at IS NOT NULL) AS in_flight,
       count(*) FILTER (WHERE granted_at IS NULL) AS waiting
FROM fleet_calls WHERE job_id = %(job_id)s
GROUP BY region

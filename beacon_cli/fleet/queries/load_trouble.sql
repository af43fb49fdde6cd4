-- The state of the regions that reports are about, with the cap of each and the time on the database's clock.
SELECT cap.scope AS region, cap.calls AS cap, coalesce(trouble.condition, 'open') AS condition,
       coalesce(trouble.allowed, cap.calls) AS allowed, coalesce(trouble.why, '') AS why,
       coalesce(extract(epoch FROM trouble.check_at), 0)::float8 AS check_at, coalesce(trouble.told, false) AS told,
       coalesce(trouble.failed_checks, 0) AS failed_checks, extract(epoch FROM clock_timestamp())::float8 AS now
FROM fleet_caps AS cap LEFT JOIN region_trouble AS trouble ON trouble.region = cap.scope
WHERE cap.scope = ANY(%(regions)s)

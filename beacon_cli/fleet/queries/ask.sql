-- Stand in line; asking twice with the same id, after a connection was cut, is asking once.
INSERT INTO fleet_calls (id, worker_id, job_id, region, turn, ends_by)
SELECT asked.id, worker.id, asked.job_id, asked.region,
       extract(epoch FROM clock_timestamp())::float8 + asked.head_start, asked.ends_by
FROM unnest(%(ids)s::uuid[], %(jobs)s::text[], %(regions)s::text[], %(head_starts)s::float8[], %(ends_by)s::float8[])
     AS asked (id, job_id, region, head_start, ends_by)
JOIN fleet_workers AS worker ON worker.id = %(worker)s AND worker.lost_at IS NULL
ON CONFLICT DO NOTHING

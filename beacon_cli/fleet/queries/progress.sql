-- How far a job is, and who holds its lock.
WITH job AS (
    SELECT id, status, spec, hashtextextended('beacon job ' || id, 0) AS key FROM jobs WHERE id = %(job)s
)
SELECT CASE job.status WHEN 'created' THEN 'queued' ELSE job.status END,
       (SELECT activity.application_name
        FROM pg_locks AS lock JOIN pg_stat_activity AS activity ON activity.pid = lock.pid
        WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 1
          AND lock.classid = ((job.key >> 32) & 4294967295)::oid AND lock.objid = (job.key & 4294967295)::oid
        LIMIT 1),
       (SELECT count(*) FROM dbos.workflow_status
        WHERE queue_name = 'beacon_jobs' AND deduplication_id = job.id
          AND status IN ('ENQUEUED', 'PENDING', 'DELAYED')),
       (SELECT coalesce(jsonb_object_agg(region, counts), '{}') FROM (
            SELECT region, jsonb_object_agg(status, n) AS counts FROM (
                SELECT region, status, count(*) AS n FROM executions WHERE job_id = job.id GROUP BY region, status
            ) AS each GROUP BY region
        ) AS by_region)
FROM job

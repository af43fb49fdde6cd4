-- A job's rows, counted per model and region. Called without a job's rows it gives none.
SELECT model_id,
       region,
       count(*) FILTER (WHERE status = 'completed') AS completed,
       count(*) FILTER (WHERE status = 'empty')     AS empty,
       count(*) FILTER (WHERE status = 'blocked')   AS blocked,
       count(*) FILTER (WHERE status = 'failed')    AS failed,
       count(*) FILTER (WHERE status = 'timeout')   AS timeout,
       count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY 
           (CASE WHEN isfinite(started_at) AND isfinite(completed_at)
                 THEN extract(epoch FROM completed_at) - extract(epoch FROM started_at) END)::float8)
           FILTER (WHERE status IN ('completed', 'empty', 'blocked')) AS median_seconds,
       sum(hops)                                    AS hops
FROM executions
WHERE job_id = %(job_id)s
GROUP BY model_id, region

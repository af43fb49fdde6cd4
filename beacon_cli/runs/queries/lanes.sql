-- The rows of a part of a job, counted per model and region. Without rows it gives none.
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
  AND (%(models)s::text[] IS NULL OR model_id = ANY (%(models)s::text[]))
  AND (%(regions)s::text[] IS NULL OR region = ANY (%(regions)s::text[]))
  AND (%(questions)s::text[] IS NULL OR question_id = ANY (%(questions)s::text[]))
  AND region <> ALL (%(without)s::text[])
GROUP BY model_id, region

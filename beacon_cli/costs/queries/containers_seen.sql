-- The containers on Modal that answered: each from a question that it was sent to the last answer that came before it had
-- nothing to do for its whole idle time. Whatever job or run asked, a container that stayed up is one.
WITH answered AS (
    SELECT region, container_id, model_id, output_data ->> 'gpu' AS gpu,
           extract(epoch FROM started_at) AS began, extract(epoch FROM completed_at) AS ended
    FROM executions
    WHERE (%(job_id)s::text IS NULL OR job_id = %(job_id)s)
      AND (%(since)s::timestamptz IS NULL OR completed_at >= %(since)s)
      AND provider_id LIKE 'modal%%' AND container_id IS NOT NULL
      AND isfinite(started_at) AND isfinite(completed_at)
), after_idle AS (
    SELECT *, began - max(ended) OVER (
                 PARTITION BY region, container_id ORDER BY began, ended
                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
             ) > %(idle_seconds)s AS fresh
    FROM answered
), numbered AS (
    SELECT *, count(*) FILTER (WHERE fresh) OVER (
                 PARTITION BY region, container_id ORDER BY began, ended ROWS UNBOUNDED PRECEDING
             ) AS stay
    FROM after_idle
)
SELECT region, min(model_id) AS model_id, max(gpu) AS gpu, (max(ended) - min(began))::float8 AS seconds
FROM numbered
GROUP BY region, container_id, stay

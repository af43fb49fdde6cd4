-- The containers on Modal that answered: from the first question that one of them was sent to its last answer.
SELECT region, min(model_id) AS model_id, max(output_data ->> 'gpu') AS gpu, job_id, run_id::text,
       extract(epoch FROM max(completed_at) - min(started_at))::float8 AS seconds
FROM executions
WHERE (%(job_id)s::text IS NULL OR job_id = %(job_id)s)
  AND (%(since)s::timestamptz IS NULL OR completed_at >= %(since)s)
  AND provider_id LIKE 'modal%%' AND container_id IS NOT NULL
  AND isfinite(started_at) AND isfinite(completed_at)
GROUP BY job_id, run_id, region, container_id

-- The answers of a small job, in the job's order; of each what a terminal shows, not megabytes. A thought may stand
-- before the text.
SELECT e.question_id, q.text, e.model_id, e.region, e.arm, e.repeat, e.status, e.error_code, e.finish_reason,
       left(e.response, 4000 + least(100000, coalesce(length(e.thought), 0))) AS response,
       (CASE WHEN isfinite(e.started_at) AND isfinite(e.completed_at)
             THEN extract(epoch FROM e.completed_at) - extract(epoch FROM e.started_at) END)::float8 AS seconds
FROM executions e
JOIN questions q ON q.job_id = e.job_id AND q.id = e.question_id
WHERE e.job_id = %(job_id)s
ORDER BY q.position, e.model_id, e.repeat, array_position(%(labels)s::text[], e.region), e.region, e.arm

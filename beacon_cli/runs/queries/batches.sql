-- A job's batches in order: when each question's cells were first queued and last done, and where they were answered.
SELECT e.question_id,
       min(e.queued_at)    AS started_at,
       max(e.completed_at) AS completed_at,
       count(*)            AS executions,
       coalesce(array_agg(DISTINCT e.container_id) FILTER (WHERE e.container_id IS NOT NULL), '{}') AS containers
FROM executions e
JOIN questions q ON q.job_id = e.job_id AND q.id = e.question_id
WHERE e.job_id = %(job_id)s
GROUP BY q.position, e.question_id
ORDER BY q.position

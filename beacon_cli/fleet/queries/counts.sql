-- The rows of a part of a job by region and status.
SELECT region, status, count(*) FROM executions
WHERE job_id = %(job)s
  AND (%(models)s::text[] IS NULL OR model_id = ANY (%(models)s::text[]))
  AND (%(regions)s::text[] IS NULL OR region = ANY (%(regions)s::text[]))
  AND (%(questions)s::text[] IS NULL OR question_id = ANY (%(questions)s::text[]))
  AND region <> ALL (%(without)s::text[])
GROUP BY region, status

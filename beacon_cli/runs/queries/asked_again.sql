-- The answers that a run replaced, and those that it should have replaced but did not.
SELECT (SELECT count(*) FROM superseded_executions WHERE job_id = %(job_id)s AND superseded_by = %(run_id)s) AS replaced,
       (SELECT count(*) FROM executions
        WHERE job_id = %(job_id)s AND run_id <> %(run_id)s AND status = ANY (%(statuses)s::text[])
          AND (%(models)s::text[] IS NULL OR model_id = ANY (%(models)s::text[]))
          AND (%(regions)s::text[] IS NULL OR region = ANY (%(regions)s::text[]))
          AND (%(questions)s::text[] IS NULL OR question_id = ANY (%(questions)s::text[]))
          AND region <> ALL (%(without)s::text[])) AS kept

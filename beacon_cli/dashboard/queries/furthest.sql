-- The furthest question that the newest run of a job has answers to, and how many questions there are.
SELECT question.id AS question_id, question.position + 1 AS number,
       (SELECT count(*) FROM questions WHERE job_id = %(job_id)s) AS total
FROM (
    SELECT id FROM runs WHERE job_id = %(job_id)s ORDER BY started_at DESC LIMIT 1
) AS run
JOIN executions AS execution ON execution.job_id = %(job_id)s AND execution.run_id = run.id
JOIN questions AS question ON question.job_id = %(job_id)s AND question.id = execution.question_id
ORDER BY question.position DESC
LIMIT 1

-- The ids of the questions that the rows name. It goes from one id to the next in the index, past all rows of each.
WITH RECURSIVE named (id) AS (
    SELECT min(question_id) FROM executions WHERE job_id = %(job_id)s
    UNION ALL
    SELECT (SELECT min(question_id) FROM executions WHERE job_id = %(job_id)s AND question_id > named.id)
    FROM named WHERE named.id IS NOT NULL
)
SELECT id FROM named WHERE id IS NOT NULL

-- The questions of a job, in order.
SELECT id, text, tags FROM questions WHERE job_id = %(job_id)s ORDER BY position

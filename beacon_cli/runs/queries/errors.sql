-- What went wrong in a job, or was blocked, by status and code, with one example each.
SELECT status, error_code, count(*) AS count, min(error_message) AS example
FROM executions
WHERE job_id = %(job_id)s AND error_code IS NOT NULL
GROUP BY status, error_code
ORDER BY count(*) DESC, error_code, status

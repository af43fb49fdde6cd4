-- What went wrong in a job, by code, with one example each.
SELECT error_code, count(*) AS count, min(error_message) AS example
FROM executions
WHERE job_id = %(job_id)s AND error_code IS NOT NULL
GROUP BY error_code
ORDER BY count(*) DESC, error_code

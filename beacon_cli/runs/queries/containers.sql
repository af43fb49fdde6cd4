-- How many containers answered a job.
SELECT count(DISTINCT container_id) AS containers
FROM executions
WHERE job_id = %(job_id)s

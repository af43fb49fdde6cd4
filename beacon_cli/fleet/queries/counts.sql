-- The rows of a job by region and status.
SELECT region, status, count(*) FROM executions WHERE job_id = %(job)s GROUP BY region, status

-- How many rows the job has, by status.
SELECT status, count(*) AS executions
FROM {executions} AS execution
GROUP BY status
ORDER BY executions DESC
LIMIT 100

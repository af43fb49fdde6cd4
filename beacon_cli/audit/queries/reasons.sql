-- Why cells have no text: the rows that are not completed, by status, error code and region.
SELECT left(status, 100) AS status, left(error_code, 100) AS error_code, left(region, 100) AS region,
       count(*) AS executions
FROM {executions} AS execution
WHERE status <> 'completed'
GROUP BY 1, 2, 3
ORDER BY executions DESC, 1, 2, 3
LIMIT 200

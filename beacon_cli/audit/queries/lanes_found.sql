-- Which models and regions the rows name.
SELECT model_id, region
FROM {executions} AS execution
WHERE model_id <> ''
GROUP BY model_id, region
ORDER BY model_id, region
LIMIT 1000

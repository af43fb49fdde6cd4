-- The rows of a job by lane, status and container, with the hops that were followed and the attempts after the first ones.
SELECT execution.model_id, execution.region, execution.status, execution.container_id, count(*) AS rows,
       coalesce(sum(execution.hops), 0)::bigint AS hops,
       coalesce(sum(greatest(execution.attempts - 1, 0)), 0)::bigint AS retries
FROM {executions} AS execution
GROUP BY execution.model_id, execution.region, execution.status, execution.container_id
ORDER BY execution.model_id, execution.region

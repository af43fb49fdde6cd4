-- The rows of a job by lane and status, with the hops that were followed and the attempts after the first ones.
SELECT execution.model_id, execution.region, execution.status, count(*) AS rows,
       coalesce(sum(execution.hops), 0)::bigint AS hops,
       coalesce(sum(greatest(execution.attempts - 1, 0)), 0)::bigint AS retries,
       array_agg(DISTINCT left(execution.container_id, 100)) FILTER (WHERE execution.container_id IS NOT NULL)
           AS containers
FROM {executions} AS execution
GROUP BY execution.model_id, execution.region, execution.status

-- Which regions were asked, which ones answers name, and where containers say they ran: the distinct combinations.
-- `generated`: the answer comes from a container; a blocked one may never have reached any.
WITH executions AS (
    SELECT *, status IN ('completed', 'empty', 'blocked') AS answered, status IN ('completed', 'empty') AS generated FROM {executions} AS execution
), combinations AS (
    SELECT left(region, 100) AS asked, generated,
           CASE WHEN answered THEN left(effective_region, 100) END AS effective_region,
           CASE WHEN answered THEN left(answered_region, 100) END AS answered_region,
           CASE WHEN answered THEN left(provider_id, 100) END AS provider_id,
           CASE WHEN answered THEN left(container_region, 100) END AS container_region,
           count(*) AS executions
    FROM executions
    GROUP BY 1, 2, 3, 4, 5, 6
    ORDER BY executions DESC
    LIMIT %(max_combinations)s
)
SELECT coalesce(jsonb_agg(to_jsonb(combinations)), '[]') AS combinations FROM combinations

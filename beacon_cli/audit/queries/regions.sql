-- Which regions were asked, which ones answers name, and where containers say they ran: the distinct combinations.
-- `generated`: the answer comes from a container; a blocked one may never have reached any. `mixed`: the lanes that were
-- asked in more than one way. `devices`: what each model was computed on, and where.
WITH executions AS (
    SELECT *, status IN ('completed', 'empty', 'blocked') AS answered, status IN ('completed', 'empty') AS generated FROM {executions} AS execution
), seen AS MATERIALIZED (
    SELECT left(model_id, 200) AS model_id, left(region, 100) AS asked, generated,
           CASE WHEN answered THEN md5(way) END AS way,
           CASE WHEN answered THEN left(effective_region, 100) END AS effective_region,
           CASE WHEN answered THEN left(answered_region, 100) END AS answered_region,
           CASE WHEN answered THEN left(provider_id, 100) END AS provider_id,
           CASE WHEN answered THEN left(container_region, 100) END AS container_region,
           CASE WHEN generated THEN device END AS device,
           count(*) AS executions
    FROM executions
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
), combinations AS (
    SELECT asked, generated, effective_region, answered_region, provider_id, container_region,
           sum(executions)::bigint AS executions
    FROM seen
    GROUP BY 1, 2, 3, 4, 5, 6
    ORDER BY executions DESC
    LIMIT %(max_combinations)s
), mixed AS (
    SELECT concat_ws(' · ', model_id, asked) AS lane
    FROM seen
    GROUP BY model_id, asked
    HAVING count(DISTINCT way) > 1
    ORDER BY lane
    LIMIT 1000
), devices AS (
    SELECT model_id, asked AS region, device, sum(executions)::bigint AS executions
    FROM seen
    WHERE generated
    GROUP BY model_id, asked, device
    ORDER BY model_id, asked, device
    LIMIT %(max_combinations)s
)
SELECT jsonb_build_object(
           'combinations', (SELECT coalesce(jsonb_agg(to_jsonb(combinations)), '[]') FROM combinations),
           'mixed', (SELECT coalesce(jsonb_agg(lane), '[]') FROM mixed)
       ) AS regions,
       jsonb_build_object(
           'devices', (SELECT coalesce(jsonb_agg(to_jsonb(devices)), '[]') FROM devices)
       ) AS device

-- Which regions were asked, which answered, and where containers say they ran: the distinct combinations.
WITH combinations AS (
    SELECT left(region, 100) AS asked,
           CASE WHEN status IN ('completed', 'empty', 'blocked') THEN left(answered_region, 100) END AS answering,
           CASE WHEN status IN ('completed', 'empty', 'blocked') THEN left(container_region, 100) END AS container,
           status IN ('completed', 'empty', 'blocked') AS answered,
           count(*) AS executions
    FROM {executions} AS execution
    GROUP BY 1, 2, 3, 4
    ORDER BY executions DESC
    LIMIT %(max_combinations)s
)
SELECT coalesce(jsonb_agg(to_jsonb(combinations)), '[]') AS combinations FROM combinations

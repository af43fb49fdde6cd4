-- Cells with more than one row. A row without a question or a model lies in no cell.
WITH doubled AS (
    SELECT question_id, model_id, region, repeat, arm, count(*) AS executions
    FROM {executions} AS execution
    WHERE question_id <> '' AND model_id <> ''
    GROUP BY question_id, model_id, region, repeat, arm
    HAVING count(*) > 1
)
SELECT (SELECT count(*) FROM doubled) AS cells,
       (SELECT coalesce(sum(executions), 0)::bigint FROM doubled) AS executions,
       ARRAY(
           SELECT concat_ws(' · ', left(question_id, 200), left(model_id, 200), left(region, 200) || CASE WHEN arm > 0 THEN ' control' ELSE '' END,
                            CASE WHEN %(repeats)s > 1 THEN '#' || repeat + 1 END)
           FROM doubled
           ORDER BY executions DESC, question_id COLLATE "C", model_id COLLATE "C", region COLLATE "C", repeat, arm LIMIT 5
       ) AS examples

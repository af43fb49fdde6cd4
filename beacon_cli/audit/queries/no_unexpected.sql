-- Rows that lie outside the expected cells.
WITH outside AS (
    SELECT execution.question_id, execution.model_id, execution.region, execution.repeat, execution.arm
    FROM {executions} AS execution
    LEFT JOIN {questions} AS question ON question.id = execution.question_id
    LEFT JOIN {lanes} AS lane ON lane.model_id = execution.model_id AND lane.region = execution.region
    WHERE question.id IS NULL OR lane.model_id IS NULL
       OR execution.repeat < 0 OR execution.repeat >= %(repeats)s
       OR execution.arm < 0 OR execution.arm >= lane.arms
)
SELECT (SELECT count(*) FROM outside) AS executions,
       ARRAY(
           SELECT concat_ws(' · ', coalesce(nullif(left(question_id, 200), ''), '(no question)'),
                            coalesce(nullif(left(model_id, 200), ''), '(no model)'),
                            left(region, 200) || CASE WHEN arm <> 0 THEN ' control' ELSE '' END,
                            CASE WHEN repeat <> 0 OR %(repeats)s > 1 THEN '#' || repeat + 1 END)
           FROM outside
           ORDER BY question_id COLLATE "C", model_id COLLATE "C", region COLLATE "C", repeat, arm LIMIT 5
       ) AS examples

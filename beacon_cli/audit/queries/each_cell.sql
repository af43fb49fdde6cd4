-- The cells of some questions, by question, model and region.
WITH cells AS (
    SELECT question_id, model_id, region, repeat, arm,
           count(*) FILTER (WHERE status IN ('completed', 'empty', 'blocked')) AS answers,
           count(*) AS stored,
           min(concat_ws(': ', status, left(error_code, 100))) AS status
    FROM {executions} AS execution
    WHERE question_id = ANY (%(shown)s)
    GROUP BY question_id, model_id, region, repeat, arm
)
SELECT question.id AS question_id, lane.model_id, lane.region,
       count(*) AS expected,
       count(*) FILTER (WHERE cell.answers = 1) AS answered,
       coalesce(sum(cell.answers), 0)::bigint AS actual,
       coalesce(sum(cell.stored), 0)::bigint AS stored,
       min(cell.status) FILTER (WHERE cell.answers = 0) AS status
FROM {questions} AS question
CROSS JOIN {lanes} AS lane
CROSS JOIN generate_series(0, %(repeats)s - 1) AS expected (repeat)
CROSS JOIN generate_series(0, lane.arms - 1) AS side (arm)
LEFT JOIN cells AS cell ON cell.question_id = question.id AND cell.model_id = lane.model_id
                       AND cell.region = lane.region AND cell.repeat = expected.repeat AND cell.arm = side.arm
WHERE question.id = ANY (%(shown)s)
GROUP BY question.position, question.id, lane.position, lane.model_id, lane.region
ORDER BY question.position, lane.position
LIMIT %(shown_cells)s

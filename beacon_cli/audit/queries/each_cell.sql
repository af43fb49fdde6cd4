-- The cells by question, model and region: all of them, or only those that are not as expected.
WITH cells AS (
    SELECT question_id, model_id, region, repeat,
           count(*) FILTER (WHERE status IN ('completed', 'empty')) AS answers,
           count(*) AS stored,
           min(status) AS status
    FROM {executions} AS execution
    GROUP BY question_id, model_id, region, repeat
), compared AS (
    SELECT question.position, question.id AS question_id, lane.position AS lane, lane.model_id, lane.region,
           count(*) AS expected,
           coalesce(sum(cell.answers), 0)::bigint AS actual,
           coalesce(sum(cell.stored), 0)::bigint AS stored,
           count(*) FILTER (WHERE cell.answers = 1) AS answered,
           min(cell.status) FILTER (WHERE cell.answers = 0) AS status
    FROM {questions} AS question
    CROSS JOIN {lanes} AS lane
    CROSS JOIN generate_series(0, %(repeats)s - 1) AS repeat
    LEFT JOIN cells AS cell ON cell.question_id = question.id AND cell.model_id = lane.model_id
                           AND cell.region = lane.region AND cell.repeat = repeat
    GROUP BY question.position, question.id, lane.position, lane.model_id, lane.region
)
SELECT question_id, model_id, region, expected, actual, stored, status,
       (answered <> expected OR actual <> expected) AS deviates,
       count(*) FILTER (WHERE answered <> expected OR actual <> expected) OVER () AS deviating
FROM compared
WHERE %(all_cells)s OR answered <> expected OR actual <> expected
ORDER BY position, lane
LIMIT %(limit)s

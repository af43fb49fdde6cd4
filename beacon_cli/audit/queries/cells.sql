-- What became of the expected cells, per model and region. Cells without any row are not here: the caller knows
-- how many there should be.
WITH cells AS (
    SELECT question_id, model_id, region, repeat,
           count(*) FILTER (WHERE status IN ('completed', 'empty')) AS answers
    FROM {executions} AS execution
    GROUP BY question_id, model_id, region, repeat
), lanes AS (
    SELECT cell.model_id, cell.region,
           count(*) AS present,
           count(*) FILTER (WHERE answers = 1) AS answered,
           count(*) FILTER (WHERE answers > 1) AS answered_again
    FROM cells AS cell
    JOIN {questions} AS question ON question.id = cell.question_id
    JOIN {lanes} AS lane ON lane.model_id = cell.model_id AND lane.region = cell.region
    WHERE cell.repeat >= 0 AND cell.repeat < %(repeats)s
    GROUP BY cell.model_id, cell.region
)
SELECT (SELECT count(*) FROM {questions} AS question) AS questions,
       (SELECT coalesce(jsonb_agg(to_jsonb(lanes)), '[]') FROM lanes) AS lanes

-- What became of the expected cells, per model and region; and which questions to show: those where not every cell
-- has exactly one answer, or all when there are few. Cells without any row are not counted here: the caller knows
-- how many there should be.
WITH cells AS (
    SELECT lane.position AS lane, question.position AS question, execution.repeat, execution.arm,
           count(*) FILTER (WHERE execution.status IN ('completed', 'empty', 'blocked')) AS answers,
           bool_or(execution.status = 'blocked') AS blocked
    FROM {executions} AS execution
    JOIN {questions} AS question ON question.id = execution.question_id
    JOIN {lanes} AS lane ON lane.model_id = execution.model_id AND lane.region = execution.region
    WHERE execution.repeat >= 0 AND execution.repeat < %(repeats)s
      AND execution.arm >= 0 AND execution.arm < lane.arms
    GROUP BY lane.position, question.position, execution.repeat, execution.arm
), counted AS (
    SELECT lane, question,
           count(*) AS present,
           count(*) FILTER (WHERE answers = 1) AS answered,
           count(*) FILTER (WHERE answers > 1) AS answered_again,
           count(*) FILTER (WHERE blocked) AS blocked
    FROM cells
    GROUP BY GROUPING SETS ((lane), (question))
), lanes AS (
    SELECT lane.model_id, lane.region, present, answered, answered_again, blocked
    FROM counted
    JOIN {lanes} AS lane ON lane.position = counted.lane
)
SELECT (SELECT count(*) FROM {questions} AS question) AS questions,
       (SELECT coalesce(jsonb_agg(to_jsonb(lanes)), '[]') FROM lanes) AS lanes,
       ARRAY(
           SELECT question.id
           FROM {questions} AS question
           LEFT JOIN counted ON counted.question = question.position
           WHERE counted.answered IS DISTINCT FROM %(batch_size)s
              OR (SELECT count(*) FROM {questions} AS question) <= %(few_questions)s
           ORDER BY question.position
           LIMIT %(shown_questions)s
       ) AS shown

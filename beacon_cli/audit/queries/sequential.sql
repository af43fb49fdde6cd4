-- Questions of which an execution started before an earlier question of the same run was done.
WITH batches AS (
    SELECT execution.run_id, question.position,
           min(execution.started_at) AS first_started, max(execution.completed_at) AS done
    FROM {executions} AS execution
    JOIN {questions} AS question ON question.id = execution.question_id
    GROUP BY execution.run_id, question.position
), ordered AS (
    SELECT position, first_started,
           max(done) OVER (PARTITION BY run_id ORDER BY position
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS done_before
    FROM batches
)
SELECT (SELECT count(first_started) FROM ordered) AS batches,
       (SELECT count(*) FROM ordered WHERE first_started < done_before) AS early,
       ARRAY(
           SELECT left(question.id, 200) || ' by '
                  || round(extract(epoch FROM done_before - first_started), 3) || ' s'
           FROM ordered
           JOIN {questions} AS question ON question.position = ordered.position
           WHERE first_started < done_before ORDER BY ordered.position LIMIT 5
       ) AS examples

-- The time between a question's end and the next question's first queued_at, in seconds, inside each run.
--
-- A cell that is asked again by a later run moves to that run, so what is left of its batch in the earlier one no
-- longer tells when the batch ended. Such batches, and in earlier runs neighbours that are not adjacent (what lay
-- between may have moved), are not judged.
WITH batches AS (
    SELECT execution.run_id, question.position,
           min(execution.queued_at) AS first_queued, max(execution.completed_at) AS done
    FROM {executions} AS execution
    JOIN {questions} AS question ON question.id = execution.question_id
    GROUP BY execution.run_id, question.position
), numbered AS (
    SELECT coalesce(run.position, 0) AS run, batches.position, first_queued, done
    FROM batches LEFT JOIN {runs} AS run ON run.id = batches.run_id
), dated AS (
    SELECT *, max(run) OVER (PARTITION BY position) = run AS whole, max(run) OVER () = run AS latest
    FROM numbered
), neighbours AS (
    SELECT position, first_queued - lag(done) OVER in_run AS gap,
           whole AND lag(whole) OVER in_run
           AND (latest OR position = lag(position) OVER in_run + 1) AS judged
    FROM dated
    WINDOW in_run AS (PARTITION BY run ORDER BY position)
), gaps AS (
    SELECT position, extract(epoch FROM gap)::float8 AS gap
    FROM neighbours
    WHERE judged AND gap IS NOT NULL
)
SELECT (SELECT count(first_queued) FROM batches) AS queued,
       (SELECT count(*) FROM gaps) AS gaps,
       (SELECT max(gap) FROM gaps) AS longest,
       (SELECT count(*) FROM gaps WHERE gap >= %(max_gap)s) AS long,
       ARRAY(
           SELECT round(gap::numeric, 3) || ' s before ' || left(question.id, 200)
           FROM gaps
           JOIN {questions} AS question ON question.position = gaps.position
           WHERE gap >= %(max_gap)s ORDER BY gap DESC, gaps.position LIMIT 5
       ) AS examples

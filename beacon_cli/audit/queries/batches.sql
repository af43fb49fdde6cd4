-- What the order of the batches tells: questions of which an execution started before an earlier question of the same
-- run was done, and the time between a question's end and the next one's first queued_at, in seconds, inside each run.
--
-- A cell that is asked again by a later run moves to that run, so what is left of its batch in the earlier one no
-- longer tells when the batch ended. Of such batches, and in earlier runs of neighbours that are not adjacent (what
-- lay between may have moved), the gap is not judged.
--
-- A long gap is explained where the rows say why the run had to wait: another run of the job began in it; the batch was
-- stored late, which opens its barrier late, because the database was away; the server was started in it; or cells of
-- the batch have no row, because it waited for a region until that was given up. Rows are
-- stored by the database's clock: what they usually take in a run, the difference of the clocks, is left out. Those that
-- are asked again keep the time at which they were stored first, and say nothing here.
WITH batches AS (
    SELECT execution.run_id, question.position, min(execution.queued_at) AS first_queued,
           min(execution.started_at) AS first_started, max(execution.completed_at) AS done,
           max(execution.created_at) AS stored, min(execution.created_at - execution.completed_at) AS took,
           count(*) AS cells
    FROM {executions} AS execution
    JOIN {questions} AS question ON question.id = execution.question_id
    GROUP BY execution.run_id, question.position
), usual AS (
    SELECT run_id, percentile_disc(0.25) WITHIN GROUP (ORDER BY took) AS took
    FROM batches WHERE took > make_interval(secs => -%(clock_tolerance)s) GROUP BY run_id
), numbered AS (
    SELECT coalesce(run.position, 0) AS run, batches.position, first_queued, first_started, done, cells,
           stored - usual.took AS stored
    FROM batches
    LEFT JOIN {runs} AS run ON run.id = batches.run_id
    LEFT JOIN usual ON usual.run_id = batches.run_id
), dated AS (
    SELECT *, max(run) OVER (PARTITION BY position) = run AS whole, max(run) OVER () = run AS latest,
           sum(cells) OVER (PARTITION BY position) < %(batch_size)s AS waited_in_vain
    FROM numbered
), neighbours AS (
    SELECT position, first_started, first_queued, first_queued - lag(done) OVER in_run AS gap,
           lag(done) OVER in_run AS before, greatest(lag(done) OVER in_run, lag(stored) OVER in_run) AS stored_before,
           lag(waited_in_vain) OVER in_run AS waited_in_vain,
           max(done) OVER (in_run ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS done_before,
           whole AND lag(whole) OVER in_run
           AND (latest OR position = lag(position) OVER in_run + 1) AS judged
    FROM dated
    WINDOW in_run AS (PARTITION BY run ORDER BY position)
), gaps AS (
    SELECT position, extract(epoch FROM gap)::float8 AS gap, extract(epoch FROM gap) >= %(max_gap)s AND (
               waited_in_vain
               OR extract(epoch FROM first_queued - stored_before) BETWEEN 0 AND %(max_gap)s
               OR pg_postmaster_start_time() BETWEEN before AND first_queued
               OR EXISTS (SELECT FROM {runs} AS run WHERE run.started_at > before AND run.started_at < first_queued)
           ) AS explained
    FROM neighbours
    WHERE judged AND gap IS NOT NULL
), early AS (
    SELECT position, extract(epoch FROM done_before - first_started) AS seconds
    FROM neighbours
    WHERE first_started < done_before
)
SELECT jsonb_build_object(
           'batches', (SELECT count(first_started) FROM batches),
           'early', (SELECT count(*) FROM early),
           'examples', ARRAY(
               SELECT left(question.id, 200) || ' by ' || round(seconds::numeric, 3) || ' s'
               FROM early
               JOIN {questions} AS question ON question.position = early.position
               ORDER BY early.position LIMIT 5
           )) AS sequential,
       jsonb_build_object(
           'queued', (SELECT count(first_queued) FROM batches),
           'gaps', (SELECT count(*) FROM gaps),
           'longest', (SELECT max(gap) FROM gaps),
           'long', (SELECT count(*) FROM gaps WHERE gap >= %(max_gap)s AND NOT explained),
           'explained', (SELECT count(*) FROM gaps WHERE explained),
           'examples', ARRAY(
               SELECT round(gap::numeric, 3) || ' s before ' || left(question.id, 200)
               FROM gaps
               JOIN {questions} AS question ON question.position = gaps.position
               WHERE gap >= %(max_gap)s ORDER BY explained, gap DESC, gaps.position LIMIT 5
           )) AS batch_gap

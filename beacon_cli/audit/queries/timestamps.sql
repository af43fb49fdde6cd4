-- Rows that ended before they began, and rows from the future. The run's clock and the server's may differ a little.
WITH wrong AS (
    SELECT question_id, model_id, region, started_at > completed_at AS backwards,
           greatest(queued_at, started_at, completed_at, created_at)
           > now() + make_interval(secs => %(clock_tolerance)s) AS future
    FROM {executions} AS execution
    WHERE started_at > completed_at
       OR greatest(queued_at, started_at, completed_at, created_at)
          > now() + make_interval(secs => %(clock_tolerance)s)
)
SELECT (SELECT count(*) FROM wrong WHERE backwards) AS backwards,
       (SELECT count(*) FROM wrong WHERE future) AS future,
       ARRAY(
           SELECT concat_ws(' · ', left(question_id, 200), left(model_id, 200), left(region, 200))
           FROM wrong LIMIT 5
       ) AS examples

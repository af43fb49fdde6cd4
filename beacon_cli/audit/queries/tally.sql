-- What one look at every row can count: statuses, rows that do not say what they answer, 303s, rows that ended before
-- they began, and rows from the future. The clock of the run and that of the server may differ a little.
WITH dated AS NOT MATERIALIZED (
    SELECT *, started_at > completed_at AS backwards,
           greatest(queued_at, started_at, completed_at, created_at)
           > now() + make_interval(secs => %(clock_tolerance)s) AS future
    FROM {executions} AS execution
), counted AS (
    SELECT status, count(*) AS executions,
           count(*) FILTER (WHERE btrim(question_id) = '') AS without_question,
           count(*) FILTER (WHERE btrim(model_id) = '') AS without_model,
           count(*) FILTER (WHERE hops > 0) AS hopped,
           coalesce(sum(hops), 0)::bigint AS hops,
           coalesce(max(hops), 0) AS most_hops,
           count(*) FILTER (
               WHERE error ~* '\m(http(/[0-9.]+)?|status|code|redirect|response|error)[^0-9a-z]{{1,4}}303\M|\m303 see other'
           ) AS refused,
           count(*) FILTER (WHERE backwards) AS backwards,
           count(*) FILTER (WHERE future) AS future
    FROM dated
    GROUP BY status
    ORDER BY executions DESC, status
    LIMIT 100
), summed AS (
    SELECT coalesce(sum(backwards), 0) AS backwards, coalesce(sum(future), 0) AS future FROM counted
)
SELECT coalesce(jsonb_agg(to_jsonb(counted)), '[]') AS statuses,
       jsonb_build_object('without_question', coalesce(sum(without_question), 0),
                          'without_model', coalesce(sum(without_model), 0)) AS question_id,
       jsonb_build_object('executions', coalesce(sum(hopped), 0), 'hops', coalesce(sum(hops), 0),
                          'most', coalesce(max(most_hops), 0), 'refused', coalesce(sum(refused), 0)) AS no_hops,
       (SELECT to_jsonb(summed) FROM summed) || jsonb_build_object(
           'examples', CASE WHEN (SELECT backwards + future > 0 FROM summed) THEN ARRAY(
               SELECT concat_ws(' · ', left(question_id, 200), left(model_id, 200), left(region, 200))
               FROM dated WHERE backwards OR future
               ORDER BY question_id COLLATE "C", model_id COLLATE "C", region COLLATE "C" LIMIT 5
           ) ELSE '{{}}' END) AS timestamps
FROM counted

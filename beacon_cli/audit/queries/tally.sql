-- What one look at every row can count: statuses, rows that do not say what they answer, and 303s.
WITH counted AS (
    SELECT status, count(*) AS executions,
           count(*) FILTER (WHERE btrim(question_id) = '') AS without_question,
           count(*) FILTER (WHERE btrim(model_id) = '') AS without_model,
           count(*) FILTER (WHERE hops > 0) AS hopped,
           coalesce(sum(hops), 0)::bigint AS hops,
           coalesce(max(hops), 0) AS most_hops
    FROM {executions} AS execution
    GROUP BY status
    ORDER BY executions DESC, status
    LIMIT 100
)
SELECT coalesce(jsonb_agg(to_jsonb(counted)), '[]') AS statuses,
       jsonb_build_object('without_question', coalesce(sum(without_question), 0),
                          'without_model', coalesce(sum(without_model), 0)) AS question_id,
       jsonb_build_object('executions', coalesce(sum(hopped), 0), 'hops', coalesce(sum(hops), 0),
                          'most', coalesce(max(most_hops), 0)) AS no_hops
FROM counted

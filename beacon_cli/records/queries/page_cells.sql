-- The executions of the rows of a page. Of a long response only a part is read: its beginning, or where a text is found.
SELECT id, question_id, model_id, region, repeat, arm, status,
       substr(response, begins, %(characters)s) AS response, begins AS start,
       coalesce(octet_length(response), 0) AS size, left(thought, %(characters)s) AS thought, finish_reason, error_code,
       left(error_message, 2000) AS error_message, attempts, hops, left(prompt, 2000) AS prompt,
       (CASE WHEN isfinite(started_at) AND isfinite(completed_at)
             THEN extract(epoch FROM completed_at) - extract(epoch FROM started_at) END)::float8 AS seconds
FROM (
    SELECT *, CASE WHEN %(text)s::text IS NULL OR strpos(lower(left(response, %(shown)s)), lower(%(text)s)) > 0 THEN 1
                   ELSE greatest(1, strpos(lower(response), lower(%(text)s)) - %(shown)s / 2) END AS begins
    FROM {executions} AS execution
    WHERE question_id = ANY (%(found_questions)s::text[])
      AND (question_id, model_id, repeat) IN (
          SELECT * FROM unnest(%(found_questions)s::text[], %(found_models)s::text[], %(found_repeats)s::int[]))
) AS found
ORDER BY id

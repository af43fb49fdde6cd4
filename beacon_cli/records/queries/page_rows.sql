-- The first rows of a page, of some questions: those with an execution that fits the filter.
SELECT question_id, model_id, repeat
FROM {executions} AS execution
WHERE question_id = ANY (%(block)s::text[])
  AND (%(model)s::text IS NULL OR model_id = %(model)s)
  AND (%(after_model)s::text IS NULL
       OR (coalesce(array_position(%(models)s::text[], model_id), 2147483647), model_id, repeat)
        > (coalesce(array_position(%(models)s::text[], %(after_model)s), 2147483647), %(after_model)s, %(after_repeat)s))
  AND (%(region)s::text IS NULL OR region = %(region)s)
  AND (%(status)s::text IS NULL OR status = %(status)s)
  AND (%(pattern)s::text IS NULL OR response ILIKE %(pattern)s)
GROUP BY question_id, model_id, repeat
ORDER BY array_position(%(block)s::text[], question_id),
         coalesce(array_position(%(models)s::text[], model_id), 2147483647), model_id, repeat
LIMIT %(limit)s

-- Rows that do not say which question or which model they answer.
SELECT count(*) FILTER (WHERE btrim(question_id) = '') AS without_question,
       count(*) FILTER (WHERE btrim(model_id) = '') AS without_model
FROM {executions} AS execution

-- Answer every cell of a job that was begun and stopped, except those of its last question: each row that it has is
-- copied for every question, so that resuming has only that one question to ask.
INSERT INTO executions (job_id, run_id, question_id, model_id, region, status, attempts, hops, prompt, response,
                        output_data, receipt_data, provider_id, container_id, http_status,
                        queued_at, started_at, completed_at)
SELECT question.job_id, row.run_id, question.id, row.model_id, row.region, 'completed', 1, 0, question.text,
       'answer to ' || question.text || repeat('x', 200), row.output_data, row.receipt_data, row.provider_id,
       row.container_id, 200, row.queued_at, row.started_at, row.completed_at
FROM questions AS question
JOIN executions AS row ON row.job_id = question.job_id
    AND row.question_id = (SELECT id FROM questions AS one WHERE one.job_id = question.job_id AND one.position = 0)
WHERE question.job_id = %(job_id)s
  AND question.position < (SELECT max(position) FROM questions AS one WHERE one.job_id = question.job_id)
ON CONFLICT (job_id, question_id, model_id, region, repeat)
    DO UPDATE SET status = 'completed', response = excluded.response, error_code = NULL, error_message = NULL

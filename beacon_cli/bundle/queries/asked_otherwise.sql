-- The first question that was asked with another text than it has.
SELECT question.id
FROM questions AS question
JOIN (
    SELECT job_id, question_id, prompt FROM executions
    UNION ALL
    SELECT job_id, question_id, prompt FROM superseded_executions
) AS asked ON asked.job_id = question.job_id AND asked.question_id = question.id
WHERE question.job_id = %(job_id)s AND asked.prompt <> question.text
ORDER BY question.position
LIMIT 1

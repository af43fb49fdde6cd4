-- The jobs that were set aside and have not been taken up again, and why.
SELECT job.id AS job_id, entry.attributes ->> 'set_aside' AS reason
FROM dbos.workflow_status AS entry
JOIN jobs AS job ON job.id = entry.attributes ->> 'job_id' AND job.status = 'failed'
                AND job.completed_at = (entry.attributes ->> 'set_aside_at')::timestamptz
WHERE entry.attributes ? 'set_aside'
ORDER BY job.completed_at

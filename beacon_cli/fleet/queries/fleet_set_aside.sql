-- The jobs that were set aside and have not been taken up again, and why.
SELECT job.id AS job_id, entry.reason
FROM beacon_queue.beacon_entries AS entry
JOIN jobs AS job ON job.id = entry.job_id AND job.status = 'failed' AND job.completed_at = entry.set_aside_at
WHERE starts_with(entry.reason, 'set aside: ')
ORDER BY job.completed_at

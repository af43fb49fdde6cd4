-- The jobs that the fleet ended without all of their answers and that have not been taken up again, and why.
SELECT job.id AS job_id, job.status, entry.reason
FROM beacon_queue.beacon_entries AS entry
JOIN jobs AS job ON job.id = entry.job_id AND job.status IN ('failed', 'partial') AND job.completed_at = entry.set_aside_at
WHERE entry.reason IS NOT NULL
ORDER BY job.completed_at DESC

-- Set a job aside: it has failed, and its entry says why. The time binds the two: whatever ends the job later has another.
WITH given_up AS (
    UPDATE jobs SET status = 'failed', completed_at = now()
    WHERE id = %(job)s AND status <> 'completed'  -- whatever the run that could not be stored has written
      AND EXISTS (SELECT FROM beacon_queue.procrastinate_jobs WHERE id = %(entry)s AND status = 'doing')
    RETURNING completed_at
)
UPDATE beacon_queue.beacon_entries SET reason = %(why)s, set_aside_at = given_up.completed_at
FROM given_up WHERE entry = %(entry)s

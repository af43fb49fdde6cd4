-- Set a job aside: it has failed, and its entry says why. The time binds the two: whatever ends the job later has another.
WITH given_up AS (
    UPDATE jobs SET status = 'failed', completed_at = now()
    WHERE id = %(job)s AND status <> 'completed'  -- whatever the run that could not be stored has written
      AND EXISTS (SELECT FROM dbos.workflow_status WHERE workflow_uuid = %(entry)s AND status = 'PENDING')
    RETURNING completed_at
)
UPDATE dbos.workflow_status
SET attributes = attributes || jsonb_build_object('set_aside', %(why)s::text, 'set_aside_at', given_up.completed_at)
FROM given_up WHERE workflow_uuid = %(entry)s

-- Set a job aside: it has failed, and its entry says why. The time binds the two: whatever ends the job later has another.
WITH given_up AS (
    UPDATE jobs SET status = 'failed', completed_at = now()
    WHERE id = %(job)s AND status IN ('created', 'running') RETURNING completed_at
)
UPDATE dbos.workflow_status
SET attributes = attributes || jsonb_build_object('set_aside', %(why)s::text, 'set_aside_at', completed_at)
FROM given_up WHERE workflow_uuid = %(entry)s

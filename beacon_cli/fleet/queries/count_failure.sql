-- Count that a worker could not go on with a job; anew where answers came since it was counted last.
UPDATE dbos.workflow_status AS entry
SET attributes = entry.attributes || jsonb_build_object(
    'ended', CASE WHEN now.answered > coalesce((entry.attributes ->> 'answered')::bigint, 0) THEN 1
                  ELSE coalesce((entry.attributes ->> 'ended')::int, 0) + 1 END,
    'answered', now.answered, 'why', %(why)s::text)
FROM (SELECT count(*) AS answered FROM executions WHERE job_id = %(job)s AND status IN ('completed', 'empty')) AS now
WHERE entry.workflow_uuid = %(entry)s
RETURNING (entry.attributes ->> 'ended')::int

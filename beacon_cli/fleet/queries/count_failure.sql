-- Count that a worker could not go on with a job; anew where answers came since it was counted last.
UPDATE beacon_queue.beacon_entries AS counted
SET ended = CASE WHEN now.answered > counted.answered THEN 1 ELSE counted.ended + 1 END,
    answered = now.answered, why = %(why)s
FROM (SELECT count(*) AS answered FROM executions WHERE job_id = %(job)s AND status IN ('completed', 'empty', 'blocked')) AS now
WHERE counted.entry = %(entry)s
RETURNING counted.ended

-- Claim an entry that was just taken; no row means that it is not this worker's any more.
UPDATE beacon_queue.beacon_entries AS claim SET worker_id = %(worker)s, attempt = %(attempt)s
FROM beacon_queue.procrastinate_jobs AS entry
WHERE claim.entry = entry.id AND entry.id = %(entry)s AND entry.status = 'doing' AND entry.attempts = %(attempt)s
RETURNING entry.id

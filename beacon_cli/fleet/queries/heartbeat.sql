-- Say that a worker is alive; no row means that the others hold it for lost.
UPDATE fleet_workers SET seen_at = clock_timestamp(), draining = %(draining)s
WHERE id = %(worker)s AND lost_at IS NULL
RETURNING id

-- Which of a worker's calls have their slot.
SELECT id FROM fleet_calls WHERE worker_id = %(worker)s AND granted_at IS NOT NULL AND id = ANY(%(waiting)s)

-- Workers that have been gone for long, and hold nothing any more.
DELETE FROM fleet_workers AS worker
WHERE lost_at < now() - make_interval(secs => %(seconds)s)
  AND NOT EXISTS (SELECT FROM fleet_calls WHERE worker_id = worker.id)

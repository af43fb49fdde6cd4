-- Take back the slots of lost workers whose calls must be over: twice as old as the slowest of late (in the region, else in
-- any; a minute where none has ended yet), or past their end.
DELETE FROM fleet_calls WHERE id IN (
    SELECT call.id
    FROM fleet_calls AS call
    JOIN fleet_workers AS worker ON worker.id = call.worker_id AND worker.lost_at IS NOT NULL
    JOIN fleet_caps AS cap ON cap.scope = call.region
    WHERE call.granted_at IS NULL
       OR clock_timestamp() > call.granted_at + make_interval(secs => least(call.ends_by, 2 * coalesce(
              nullif(cap.slowest_seconds, 0), nullif((SELECT max(slowest_seconds) FROM fleet_caps), 0), 30)))
    FOR UPDATE OF call SKIP LOCKED
)

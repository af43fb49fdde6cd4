-- Calls per region against the caps, and its pause if it is in trouble; also of all regions together (account).
SELECT cap.scope AS region, cap.calls AS cap,
       count(call.id) FILTER (WHERE call.granted_at IS NOT NULL) AS in_flight,
       count(call.id) FILTER (WHERE call.granted_at IS NULL) AS calls_waiting,
       count(call.id) FILTER (WHERE worker.lost_at IS NOT NULL) AS held_by_lost_workers,
       (SELECT jsonb_build_object(
            'condition', condition, 'why', why, 'calls', allowed,
            'paused_seconds', CASE WHEN condition = 'paused' THEN extract(epoch FROM clock_timestamp() - paused_at) END,
            'next_check_seconds', CASE WHEN condition = 'paused' THEN extract(epoch FROM check_at - clock_timestamp()) END)
        FROM region_trouble WHERE region = cap.scope) AS trouble
FROM fleet_caps AS cap
LEFT JOIN fleet_calls AS call ON call.region = cap.scope OR cap.scope = 'account'
LEFT JOIN fleet_workers AS worker ON worker.id = call.worker_id
GROUP BY cap.scope, cap.calls

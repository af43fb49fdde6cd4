-- Hand out the slots that are free, in turn: those of a full region are passed over. Other workers are told of theirs.
-- A paused region takes one call, its check, when that is due and no other worker makes it; a recovering one fewer than
-- its cap.
WITH held AS (
    SELECT region, count(*) AS calls FROM fleet_calls WHERE granted_at IS NOT NULL GROUP BY region
), room AS (
    SELECT cap.scope AS region, CASE
        WHEN trouble.region IS NULL THEN cap.calls - coalesce(held.calls, 0)
        WHEN trouble.condition = 'recovering' THEN least(cap.calls, trouble.allowed) - coalesce(held.calls, 0)
        WHEN trouble.check_at > clock_timestamp() OR EXISTS (
            SELECT FROM fleet_calls AS call
            JOIN fleet_workers AS worker ON worker.id = call.worker_id AND worker.lost_at IS NULL
            WHERE call.region = trouble.region AND call.granted_at >= trouble.paused_at
        ) THEN 0
        ELSE least(1, cap.calls - coalesce(held.calls, 0))
    END AS calls
    FROM fleet_caps AS cap
    LEFT JOIN held ON held.region = cap.scope
    LEFT JOIN region_trouble AS trouble ON trouble.region = cap.scope
), waiting AS (
    SELECT call.id, call.turn, call.worker_id,
           row_number() OVER (PARTITION BY call.region ORDER BY call.turn, call.id) <= room.calls AS fits
    FROM fleet_calls AS call
    JOIN fleet_workers AS worker ON worker.id = call.worker_id AND worker.lost_at IS NULL
    JOIN room ON room.region = call.region
    WHERE call.granted_at IS NULL
), next AS (
    SELECT id FROM waiting WHERE fits ORDER BY turn, id
    LIMIT greatest(0, (SELECT calls FROM fleet_caps WHERE scope = 'account')
                      - coalesce((SELECT sum(calls) FROM held), 0))
), granted AS (
    UPDATE fleet_calls SET granted_at = clock_timestamp() WHERE id IN (SELECT id FROM next) RETURNING worker_id
)
SELECT pg_notify('beacon ' || worker_id, '') FROM granted WHERE worker_id <> %(worker)s GROUP BY worker_id

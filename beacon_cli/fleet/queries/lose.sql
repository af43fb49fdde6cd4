-- Declare workers lost: those whose lock has been free for a while, and those that hold it and do not move any more.
WITH worker AS (
    SELECT id, seen_at, hashtextextended('beacon worker ' || id, 0) AS key FROM fleet_workers WHERE lost_at IS NULL
), state AS (
    SELECT worker.id, worker.seen_at, EXISTS (
        SELECT FROM pg_locks AS lock
        WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 1
          AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND lock.classid = ((worker.key >> 32) & 4294967295)::oid AND lock.objid = (worker.key & 4294967295)::oid
    ) AS held
    FROM worker
), lost AS (
    UPDATE fleet_workers AS worker SET lost_at = clock_timestamp()
    FROM state
    WHERE state.id = worker.id AND worker.lost_at IS NULL AND worker.id <> %(worker)s
      AND worker.seen_at < clock_timestamp() - make_interval(secs =>
            CASE WHEN state.held THEN %(stalled)s::float8 ELSE %(dead)s::float8 END)
    RETURNING worker.id, state.held, state.seen_at < pg_postmaster_start_time() AS cut_off
), freed AS (
    -- The process is gone, and its connections with it. Of one that is stalled or cut off nobody knows: see expire.sql.
    -- Rows that another worker has locked are left to expire.sql: if that one stands still, waiting for it would never end.
    DELETE FROM fleet_calls WHERE id IN (
        SELECT id FROM fleet_calls WHERE worker_id IN (SELECT id FROM lost WHERE NOT held AND NOT cut_off)
        FOR UPDATE SKIP LOCKED
    )
)
SELECT id, held FROM lost

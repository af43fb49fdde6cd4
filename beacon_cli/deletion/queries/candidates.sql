-- Jobs that may be deleted: those with these ids, or those that last did something before a time; with what goes with each.
WITH known AS (
    SELECT job.id, holder, {status} AS status, {active_at} AS active_at
    FROM jobs AS job
    LEFT JOIN {holders} AS holders ON {holds}
    WHERE %(ids)s::text[] IS NULL OR job.id = ANY (%(ids)s)
)
SELECT known.id AS job_id, holder, status, active_at, answers, rows.number + superseded.number AS rows,
       (rows.bytes + superseded.bytes)::bigint AS bytes
FROM known
CROSS JOIN LATERAL (
    SELECT count(*) AS number, count(*) FILTER (WHERE executions.status IN ('completed', 'empty', 'blocked')) AS answers,
           coalesce(sum({bytes}), 0) AS bytes
    FROM executions WHERE job_id = known.id
) AS rows
CROSS JOIN LATERAL (
    SELECT count(*) AS number, coalesce(sum({bytes}), 0) AS bytes FROM superseded_executions WHERE job_id = known.id
) AS superseded
WHERE %(before)s::timestamptz IS NULL OR active_at < %(before)s
ORDER BY active_at, known.id

-- The containers of each run: how many until its first whole batch, which came only after it, and the regions where
-- more of them answered at the same time than the region's cap allows.
--
-- A region's cap is that of the job, or what its containers say that there may be, if that is less.
--
-- A batch is whole when every one of its cells was asked in that run and names its container. A resumed run may
-- begin with what was left of a question: that part cannot tell which containers the run has.
--
-- Which containers answered at the same time is only looked for where a region has more of them than its cap. A cell
-- that was asked again says when it began, but not when its last attempt did, so it is left out.
WITH counted AS (
    SELECT execution.run_id, question.position, execution.region, execution.container_id,
           grouping(question.position) = 1 AS by_container,
           min(question.position) AS first_used, max(execution.siblings) AS siblings, count(*) AS executions
    FROM {executions} AS execution
    JOIN {questions} AS question ON question.id = execution.question_id
    WHERE execution.container_id <> ''
    GROUP BY GROUPING SETS (
        (execution.run_id, question.position), (execution.run_id, execution.region, execution.container_id)
    )
), first_whole AS (
    SELECT run_id, min(position) AS position
    FROM counted
    WHERE NOT by_container AND executions >= %(batch_size)s
    GROUP BY run_id
), used AS (
    SELECT counted.run_id, counted.region, counted.container_id, counted.first_used, counted.siblings,
           counted.first_used > first_whole.position AS late
    FROM counted
    LEFT JOIN first_whole ON first_whole.run_id = counted.run_id
    WHERE counted.by_container
), runs AS (
    SELECT count(*) FILTER (WHERE late IS NOT TRUE) AS at_first, count(*) FILTER (WHERE late) AS late
    FROM used
    GROUP BY run_id
), functions AS (
    SELECT run_id, region, siblings::jsonb ->> 'function' AS function,
           max(CASE WHEN siblings::jsonb ->> 'at_most' ~ '^[0-9]{{1,6}}$' THEN (siblings::jsonb ->> 'at_most')::int END)
               AS at_most
    FROM used
    GROUP BY 1, 2, 3
), declared AS (
    SELECT run_id, region, CASE WHEN bool_and(at_most > 0) THEN sum(at_most)::int END AS at_most
    FROM functions
    GROUP BY run_id, region
), caps AS (
    SELECT declared.run_id, job.region, least(job.containers, declared.at_most) AS cap
    FROM unnest(%(cap_regions)s::text[], %(caps)s::int[]) AS job (region, containers)
    LEFT JOIN declared ON declared.region = job.region
), suspects AS (
    SELECT used.run_id, used.region, caps.cap
    FROM used
    JOIN caps ON caps.run_id = used.run_id AND caps.region = used.region
    GROUP BY used.run_id, used.region, caps.cap
    HAVING count(*) > caps.cap
), calls AS (
    SELECT execution.run_id, execution.region, suspects.cap, execution.container_id, execution.started_at,
           execution.completed_at, max(execution.completed_at) OVER earlier < execution.started_at AS after_a_rest
    FROM {executions} AS execution
    JOIN suspects ON suspects.run_id = execution.run_id AND suspects.region = execution.region
    WHERE execution.container_id <> '' AND coalesce(execution.attempts, 1) <= 1
      AND execution.started_at < execution.completed_at
    WINDOW earlier AS (PARTITION BY execution.run_id, execution.region, execution.container_id
                       ORDER BY execution.started_at, execution.completed_at
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), stretches AS (
    SELECT *, count(*) FILTER (WHERE after_a_rest) OVER (PARTITION BY run_id, region, container_id
                                                         ORDER BY started_at, completed_at) AS stretch
    FROM calls
), busy AS (
    SELECT run_id, region, cap, min(started_at) AS began, max(completed_at) AS ended
    FROM stretches
    GROUP BY run_id, region, cap, container_id, stretch
), changes AS (
    SELECT run_id, region, cap, began AS at, 1 AS change FROM busy
    UNION ALL
    SELECT run_id, region, cap, ended, -1 FROM busy
), summed AS (
    SELECT region, cap, sum(change) OVER (PARTITION BY run_id, region ORDER BY at, change
                                          ROWS UNBOUNDED PRECEDING) AS at_once
    FROM changes
), crowded AS (
    SELECT region, cap, max(at_once) AS at_once
    FROM summed
    GROUP BY region, cap
    HAVING max(at_once) > cap
)
SELECT (SELECT count(*) FROM runs) AS runs,
       (SELECT coalesce(max(at_first), 0) FROM runs) AS at_first,
       (SELECT coalesce(sum(late), 0)::bigint FROM runs) AS late,
       (SELECT coalesce(sum(cap), 0)::bigint
        FROM (SELECT max(cap) AS cap FROM caps GROUP BY region) AS each_region) AS bound,
       (SELECT coalesce(jsonb_agg(to_jsonb(crowded) ORDER BY region), '[]') FROM crowded) AS crowded,
       ARRAY(
           SELECT left(used.container_id, 200) || ' from ' || left(question.id, 200)
           FROM used JOIN {questions} AS question ON question.position = used.first_used
           WHERE late ORDER BY first_used, container_id LIMIT 5
       ) AS examples

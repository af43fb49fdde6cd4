-- The containers of each run: how many until its first whole batch, and which came only after it.
--
-- A batch is whole when every one of its cells was asked in that run and names its container. A resumed run may
-- begin with what was left of a question: that part cannot tell which containers the run has.
WITH counted AS (
    SELECT execution.run_id, question.position, execution.container_id,
           grouping(question.position) = 1 AS by_container,
           min(question.position) AS first_used, count(*) AS executions
    FROM {executions} AS execution
    JOIN {questions} AS question ON question.id = execution.question_id
    WHERE execution.container_id <> ''
    GROUP BY GROUPING SETS ((execution.run_id, question.position), (execution.run_id, execution.container_id))
), first_whole AS (
    SELECT run_id, min(position) AS position
    FROM counted
    WHERE NOT by_container AND executions >= %(batch_size)s
    GROUP BY run_id
), used AS (
    SELECT counted.run_id, counted.container_id, counted.first_used,
           counted.first_used > first_whole.position AS late
    FROM counted
    LEFT JOIN first_whole ON first_whole.run_id = counted.run_id
    WHERE counted.by_container
), runs AS (
    SELECT count(*) FILTER (WHERE late IS NOT TRUE) AS at_first, count(*) FILTER (WHERE late) AS late
    FROM used
    GROUP BY run_id
)
SELECT (SELECT count(*) FROM runs) AS runs,
       (SELECT coalesce(max(at_first), 0) FROM runs) AS at_first,
       (SELECT coalesce(sum(late), 0)::bigint FROM runs) AS late,
       ARRAY(
           SELECT left(used.container_id, 200) || ' from ' || left(question.id, 200)
           FROM used JOIN {questions} AS question ON question.position = used.first_used
           WHERE late ORDER BY first_used, container_id LIMIT 5
       ) AS examples

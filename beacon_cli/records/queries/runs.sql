-- The runs of a job in the order of time, with the executions that each one answered last; not on which machine.
SELECT run.id::text AS id, run.started_at, run.ended_at, run.version, run.repeats,
       (SELECT count(*) FROM executions AS execution WHERE execution.job_id = run.job_id AND execution.run_id = run.id) AS executions
FROM runs AS run
WHERE run.job_id = %(job_id)s
ORDER BY run.started_at, run.id
LIMIT 200

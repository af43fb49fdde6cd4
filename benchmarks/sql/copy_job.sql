-- A job as large as wished from the rows of a small real one, which has one question: each of its rows is copied for
-- every new question, so that column widths, regions and containers are those of real answers.
WITH job AS (
    INSERT INTO jobs (id, spec, spec_sha256, batching, status, started_at, completed_at)
    SELECT %(job_id)s, jsonb_set(spec, '{questions,count}', to_jsonb(%(questions)s::int)), spec_sha256, batching,
           status, started_at, completed_at
    FROM jobs WHERE id = %(source)s
    RETURNING id
), run AS (
    INSERT INTO runs (id, job_id, started_at, ended_at, host, pid, version)
    SELECT gen_random_uuid(), %(job_id)s, started_at, ended_at, host, pid, version
    FROM runs WHERE job_id = %(source)s
    RETURNING id
), question AS (
    INSERT INTO questions (job_id, position, id, text)
    SELECT %(job_id)s, number, 'q' || number, 'Question number ' || number || ' of many?'
    FROM generate_series(0, %(questions)s - 1) AS number
    RETURNING position, id, text
)
INSERT INTO executions (job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, response,
                        output_data, receipt_data, provider_id, container_id, container_region, http_status,
                        queued_at, started_at, completed_at)
SELECT job.id, run.id, question.id, row.model_id, row.region, row.repeat, row.status, row.attempts, row.hops, question.text,
       'answer to ' || question.text || repeat('x', 200), row.output_data, row.receipt_data, row.provider_id,
       row.container_id, row.container_region, row.http_status,
       asked.at, asked.at + interval '1 ms', asked.at + interval '15 ms'
FROM question, job, run, executions AS row,
     LATERAL (SELECT timestamptz '2026-01-01' + question.position * interval '20 ms' AS at) AS asked
WHERE row.job_id = %(source)s
ORDER BY question.position

-- What executions took, also those that were asked again since: per job, run, model and region, and by what answered.
-- `beacon_cli/prices/price.py` (`usage_of`) reads the same from an execution that has no row yet.
WITH every_row AS (
    SELECT job_id, run_id, model_id, region, status, tokens, output_data, provider_id, container_region, started_at,
           completed_at
    FROM executions
    WHERE (%(job_id)s::text IS NULL OR job_id = %(job_id)s)
      AND (%(since)s::timestamptz IS NULL OR completed_at >= %(since)s)
    UNION ALL
    SELECT job_id, run_id, model_id, region, status, tokens, output_data, provider_id, container_region, started_at,
           completed_at
    FROM superseded_executions
    WHERE (%(job_id)s::text IS NULL OR job_id = %(job_id)s)
      AND (%(since)s::timestamptz IS NULL OR completed_at >= %(since)s)
), read AS (
    SELECT job_id, run_id, model_id, region, completed_at,
           CASE WHEN provider_id LIKE 'local-%%' OR container_region LIKE 'local-%%' THEN 'local'
                WHEN provider_id LIKE 'modal%%' THEN 'modal'
                WHEN output_data ? 'sent' THEN 'openai'
                WHEN output_data ? 'inference_time' THEN 'other' END AS kind,
           CASE WHEN jsonb_typeof(output_data -> 'gpu') = 'string' THEN left(output_data ->> 'gpu', 200) END AS gpu,
           status IN ('completed', 'empty') AS answered,
           CASE WHEN jsonb_typeof(output_data -> 'inference_time') = 'number'
                    THEN least(greatest((output_data ->> 'inference_time')::numeric, 0), 2592000)::float8
                WHEN status IN ('timeout', 'cancelled') AND isfinite(started_at) AND isfinite(completed_at)
                    THEN greatest(extract(epoch FROM completed_at) - extract(epoch FROM started_at), 0)::float8
           END AS seconds,
           CASE WHEN jsonb_typeof(output_data #> '{usage,prompt_tokens}') = 'number'
                    THEN least(greatest((output_data #>> '{usage,prompt_tokens}')::numeric, 0), 2147483647)::bigint
           END AS input_tokens,
           tokens
    FROM every_row
)
SELECT job_id, run_id::text, model_id, region, kind, gpu,
       count(*)                                                                        AS executions,
       coalesce(sum(seconds), 0)::float8                                               AS seconds,
       coalesce(sum(input_tokens), 0)::bigint                                          AS input_tokens,
       coalesce(sum(tokens), 0)::bigint                                                AS output_tokens,
       count(*) FILTER (WHERE answered)                                                AS answered,
       count(*) FILTER (WHERE answered AND seconds IS NULL)                            AS without_seconds,
       count(*) FILTER (WHERE answered AND (input_tokens IS NULL OR tokens IS NULL))   AS without_tokens,
       min(completed_at) FILTER (WHERE isfinite(completed_at))                         AS first_at,
       max(completed_at) FILTER (WHERE isfinite(completed_at))                         AS last_at,
       coalesce(max(seconds), 0)::float8                                               AS longest
FROM read
GROUP BY job_id, run_id, model_id, region, kind, gpu
ORDER BY min(completed_at) NULLS LAST, job_id, region, model_id

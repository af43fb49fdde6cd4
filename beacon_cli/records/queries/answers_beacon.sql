-- The executions of some jobs in Beacon's own tables, or those that were replaced: several of a cell have one id.
-- Questions stand in the order of the first of the jobs.
SELECT execution.job_id, question.position, execution.question_id, execution.model_id, {region} AS region,
       execution.repeat, execution.status, execution.prompt, execution.system_prompt, execution.response,
       execution.attempts, execution.hops, execution.provider_id, execution.container_id, execution.container_region,
       {contract} ->> 'region' AS answered_region,
       coalesce(execution.model_revision, {contract} ->> 'model_revision') AS model_revision,
       {contract} ->> 'gpu' AS gpu, {contract} #>> '{{device,dtype}}' AS precision,
       nullif(concat_ws(', ', 'torch ' || ({contract} #>> '{{device,torch}}'),
                        'transformers ' || ({contract} #>> '{{device,transformers}}'),
                        'tokenizers ' || ({contract} #>> '{{device,tokenizers}}')), '') AS libraries,
       execution.receipt_data #>> '{{provenance,architecture}}' AS architecture,
       execution.receipt_data #>> '{{provenance,model_registry}}' AS model_registry,
       execution.receipt_data #>> '{{output,metadata,temperature}}' AS temperature,
       execution.receipt_data #>> '{{output,metadata,max_tokens}}' AS max_tokens,
       coalesce(execution.tokens, CASE WHEN {contract} ->> 'tokens_generated' ~ '^[0-9]{{1,9}}$'
            THEN ({contract} ->> 'tokens_generated')::int END) AS tokens_generated,
       execution.http_status, execution.error_code, execution.error_message, execution.function_call_id,
       execution.queued_at, execution.started_at, execution.completed_at, execution.created_at,
       execution.run_id::text AS run_id, {documents},
       execution.arm, execution.finish_reason, execution.thought,
       coalesce(execution.effective_system_prompt, execution.receipt_data #>> '{{output,system_prompt}}')
           AS effective_system_prompt,
       {effective_region} AS effective_region,
       coalesce(execution.receipt_data #>> '{{execution_details,model}}', execution.output_data ->> 'model')
           AS effective_model,
       nullif(array_to_string(question.tags, ' '), '') AS tags,
       -- Each repeat has a seed of its own.
       CASE WHEN jsonb_typeof(execution.output_data -> 'sent') = 'object'
            THEN ((execution.output_data -> 'sent') - 'seed' - 'model')::text END AS sent,
       CASE WHEN jsonb_typeof(execution.output_data -> 'sent') = 'object'
            THEN execution.output_data #>> '{{sent,model}}' END AS sent_model,
       CASE WHEN jsonb_typeof(execution.output_data -> 'sent') = 'object'
            THEN execution.output_data ->> 'asked_at' END AS asked_at
FROM {table} AS execution
LEFT JOIN questions AS question ON question.job_id = %(first)s AND question.id = execution.question_id
WHERE execution.job_id = ANY (%(keys)s::text[])
  AND (%(question)s::text IS NULL OR execution.question_id = %(question)s)
  AND (%(model)s::text IS NULL OR execution.model_id = %(model)s)
  AND (%(id)s::bigint IS NULL OR execution.id = %(id)s)
ORDER BY question.position NULLS LAST, execution.question_id,
         array_position(%(models)s::text[], execution.model_id) NULLS LAST, execution.model_id,
         array_position(%(labels)s::text[], {region}) NULLS LAST, region,
         array_position(%(keys)s::text[], execution.job_id), execution.arm, execution.repeat, execution.id,
         execution.run_id

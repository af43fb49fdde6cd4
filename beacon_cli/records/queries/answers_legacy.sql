-- The executions of a job in the old system's tables; what those do not record is NULL.
SELECT %(name)s AS job_id, question.position, execution.question_id, execution.model_id, execution.region,
       execution.repeat, execution.status, NULL::text AS prompt, execution.system_prompt, execution.response,
       execution.attempts, execution.hops, execution.provider_id, execution.container_id,
       execution.container_region, execution.answered_region,
       coalesce(execution.receipt_data #>> '{{provenance,model_revision}}', execution.output_data ->> 'model_revision')
           AS model_revision,
       execution.output_data ->> 'gpu' AS gpu, NULL::text AS precision, NULL::text AS libraries,
       execution.receipt_data #>> '{{provenance,architecture}}' AS architecture,
       execution.receipt_data #>> '{{provenance,model_registry}}' AS model_registry,
       execution.receipt_data #>> '{{output,metadata,temperature}}' AS temperature,
       execution.receipt_data #>> '{{output,metadata,max_tokens}}' AS max_tokens,
       NULL::int AS tokens_generated, NULL::int AS http_status, NULL::text AS error_code,
       CASE WHEN execution.status NOT IN ('completed', 'empty') THEN nullif(execution.error, '') END AS error_message,
       NULL::text AS function_call_id, execution.queued_at, execution.started_at, execution.completed_at,
       execution.created_at, NULL::text AS run_id, {documents}, 0 AS arm,
       NULL::text AS finish_reason, NULL::text AS thought, execution.effective_system_prompt,
       execution.effective_region, execution.effective_model, NULL::text AS tags, NULL::text AS sent
FROM {executions} AS execution
LEFT JOIN {questions} AS question ON question.id = execution.question_id
WHERE (%(question)s::text IS NULL OR execution.question_id = %(question)s)
  AND (%(model)s::text IS NULL OR execution.model_id = %(model)s)
  AND (%(id)s::bigint IS NULL OR execution.id = %(id)s)
ORDER BY question.position NULLS LAST, execution.question_id,
         array_position(%(models)s::text[], execution.model_id) NULLS LAST, execution.model_id,
         array_position(%(labels)s::text[], execution.region) NULLS LAST, execution.region, execution.repeat,
         execution.id

-- Calls that were given up after a 303 and may still be running where the models are.
SELECT function_call_id
FROM executions
WHERE job_id = %(job_id)s AND function_call_id IS NOT NULL AND status IN ('cancelled', 'timeout')
  AND (output_data ->> 'remote_call_ended') IS DISTINCT FROM 'true'
ORDER BY id

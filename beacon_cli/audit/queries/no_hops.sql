-- Executions whose answer took longer than Modal waits, so that it answered 303 first.
SELECT count(*) FILTER (WHERE hops > 0) AS executions,
       coalesce(sum(hops), 0)::bigint AS hops,
       coalesce(max(hops), 0) AS most
FROM {executions} AS execution

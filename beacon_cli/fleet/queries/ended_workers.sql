-- How many workers a job has ended in a row, and why the last one.
SELECT coalesce((attributes ->> 'ended')::int, 0), coalesce(attributes ->> 'why', '')
FROM dbos.workflow_status WHERE workflow_uuid = %(entry)s

-- Which of the jobs that a worker runs were cancelled.
SELECT workflow_uuid FROM dbos.workflow_status WHERE workflow_uuid = ANY(%(running)s) AND status = 'CANCELLED'

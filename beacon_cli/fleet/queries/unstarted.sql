-- Entries that this worker took and never began: the connection was cut between the taking and its confirmation.
SELECT workflow_uuid FROM dbos.workflow_status
WHERE executor_id = %(worker)s AND status = 'PENDING' AND queue_name = 'beacon_jobs'
  AND workflow_uuid <> ALL(%(begun)s)
  AND updated_at < extract(epoch FROM clock_timestamp()) * 1000 - 5000

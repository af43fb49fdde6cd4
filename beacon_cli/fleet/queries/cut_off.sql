-- End what a lost worker still has open here: with its sessions it loses the locks on its jobs.
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = ANY(%(names)s) AND pid <> pg_backend_pid()

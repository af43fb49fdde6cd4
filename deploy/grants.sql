-- Least privileges, after `beacon db migrate` as the owner. Run it as the owner, in Beacon's database:
--   beacon db psql -f deploy/grants.sql
-- Roles log in once they have a password: ALTER ROLE beacon_worker LOGIN PASSWORD '…'.
DO $$ BEGIN CREATE ROLE beacon_worker NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE beacon_reader NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;

-- worker, submit, cancel, queue, run. Workers share one role: each may then end what a lost one has left open.
GRANT USAGE ON SCHEMA public TO beacon_worker;
GRANT SELECT, INSERT, UPDATE ON jobs, questions, runs, executions TO beacon_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON fleet_workers, fleet_caps, fleet_calls TO beacon_worker;
GRANT SELECT ON _yoyo_migration TO beacon_worker;
GRANT USAGE ON SCHEMA dbos TO beacon_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA dbos TO beacon_worker;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA dbos TO beacon_worker;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA dbos TO beacon_worker;

-- check-db, compare, report.
GRANT USAGE ON SCHEMA public TO beacon_reader;
GRANT SELECT ON jobs, questions, runs, executions, _yoyo_migration TO beacon_reader;

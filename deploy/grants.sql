-- Least privileges, after `beacon db migrate`, and again after each migration. Run it as the owner, in Beacon's database:
--   beacon db psql --set ON_ERROR_STOP=1 --single-transaction -f deploy/grants.sql
-- With a schema of Beacon's own (BEACON_DATABASE_SCHEMA) psql looks there too: the grants are for the tables that it finds.
-- An owner without CREATEROLE needs the two roles made before: CREATE ROLE beacon_worker; CREATE ROLE beacon_reader;
DO $$
DECLARE wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['beacon_worker', 'beacon_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), wanted);
    END LOOP;
END $$;

-- worker, submit, cancel, queue, run. Workers share one role: each may then end what a lost one has left open.
GRANT SELECT, INSERT, UPDATE ON jobs, questions, runs, executions TO beacon_worker;
GRANT SELECT, INSERT ON superseded_executions TO beacon_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON fleet_workers, fleet_caps, fleet_calls, region_trouble TO beacon_worker;
GRANT SELECT ON _yoyo_migration TO beacon_worker;

-- The fleet's queue, where there is one (`beacon db migrate --fleet`).
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_namespace WHERE nspname = 'beacon_queue') THEN
        GRANT USAGE ON SCHEMA beacon_queue TO beacon_worker;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA beacon_queue TO beacon_worker;
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA beacon_queue TO beacon_worker;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA beacon_queue TO beacon_worker;
    END IF;
END $$;

-- check-db, compare, report, export, jobs, show, dashboard.
GRANT SELECT ON jobs, questions, runs, executions, superseded_executions, _yoyo_migration TO beacon_reader;

-- Whether the role may read what the fleet's workers are doing.
SELECT 2 = count(*) AS sees FROM pg_class
WHERE oid IN (to_regclass('fleet_calls'), to_regclass('region_trouble')) AND has_table_privilege(oid, 'SELECT')

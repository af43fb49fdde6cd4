DROP TABLE fleet_calls;
DROP TABLE fleet_caps;
DROP TABLE fleet_workers;

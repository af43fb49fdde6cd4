-- How many calls may be in flight in a region, or in all.
INSERT INTO fleet_caps (scope, calls) VALUES (%s, %s) ON CONFLICT (scope) DO UPDATE SET calls = EXCLUDED.calls

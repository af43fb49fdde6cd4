-- Store the state of a region in trouble; a pause that goes on keeps its beginning.
INSERT INTO region_trouble AS known (region, condition, allowed, why, paused_at, check_at, told, failed_checks)
VALUES (%(region)s, %(condition)s, %(allowed)s, %(why)s, clock_timestamp(), to_timestamp(%(check_at)s), %(told)s,
        %(failed_checks)s)
ON CONFLICT (region) DO UPDATE
SET condition = EXCLUDED.condition, allowed = EXCLUDED.allowed, why = EXCLUDED.why, check_at = EXCLUDED.check_at,
    told = EXCLUDED.told, failed_checks = EXCLUDED.failed_checks,
    paused_at = CASE WHEN known.condition = EXCLUDED.condition THEN known.paused_at ELSE EXCLUDED.paused_at END

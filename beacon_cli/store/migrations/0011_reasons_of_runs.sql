-- Why a run ended without all of its answers, and was not cancelled: its limit on cost. Null for every other run.

ALTER TABLE runs ADD COLUMN IF NOT EXISTS reason text;

-- What was known of entries that the queue has forgotten.
DELETE FROM beacon_queue.beacon_entries AS known
WHERE NOT EXISTS (SELECT FROM beacon_queue.procrastinate_jobs WHERE id = known.entry)

-- How many workers a job has ended in a row, and why the last one.
SELECT ended, why FROM beacon_queue.beacon_entries WHERE entry = %(entry)s

-- Which of the entries that a worker runs it has to stop, and whether they are over: cancelled. Else another one has them.
SELECT ours.entry, entry.id IS NULL OR entry.abort_requested OR entry.status NOT IN ('todo', 'doing') AS over
FROM unnest(%(entries)s::bigint[], %(attempts)s::int[]) AS ours (entry, attempt)
LEFT JOIN beacon_queue.procrastinate_jobs AS entry ON entry.id = ours.entry
WHERE entry.id IS NULL OR entry.abort_requested OR entry.status <> 'doing' OR entry.attempts <> ours.attempt

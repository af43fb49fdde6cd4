-- Each answer of a job becomes 64 English words of its own, which always are the same for the same cell.
UPDATE executions SET response = 'The answer is this: ' || (
    SELECT string_agg(
        (ARRAY['the', 'of', 'and', 'to', 'in', 'is', 'that', 'it', 'was', 'for', 'on', 'are', 'with', 'as', 'at', 'be',
               'city', 'river', 'people', 'country', 'large', 'old', 'history', 'north', 'south', 'water', 'trade', 'many',
               'small', 'built', 'century', 'known'])[1 + get_byte(digest, place) %% 32], ' ' ORDER BY place
    )
    FROM sha512(convert_to(question_id || model_id || region || repeat, 'UTF8')) AS digest, generate_series(0, 63) AS place
) || '.'
WHERE job_id = %(job_id)s

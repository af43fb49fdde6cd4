-- Answers without text, blocked and cut-off ones by region, and texts that one model gave in one region to different
-- questions.
--
-- Short texts are left out: 4, Paris or Yes may rightly answer two questions. From about a sentence on (20 bytes),
-- equal texts mean a refusal, a canned reply or a mix-up, which somebody should look at. Texts are compared by a
-- 64-bit hash: among a million answers two different ones meet by chance once in ten million audits.
WITH answers AS (
    SELECT question_id COLLATE "C" AS question_id, model_id, region,
           CASE WHEN octet_length(response) >= 20 AND status <> 'blocked' THEN hashtextextended(response, 0) END AS digest,
           status = 'empty' OR status <> 'blocked' AND octet_length(response) < 100
                               AND btrim(response, E' \t\r\n') = '' AS empty,
           status = 'blocked' AS blocked, finish_reason = 'length' AS cut_off,
           classification = 'technical_failure' AS technical
    FROM {executions} AS execution
    WHERE status IN ('completed', 'empty', 'blocked')
    OFFSET 0  -- a fence: what follows groups hashes, and must not carry the texts along
), texts AS (
    SELECT model_id, region, digest,
           count(*) AS executions,
           count(*) FILTER (WHERE empty) AS empty, count(*) FILTER (WHERE technical) AS technical,
           count(*) FILTER (WHERE blocked) AS blocked,
           count(*) FILTER (WHERE cut_off) AS cut_off, count(cut_off) AS with_an_end,
           min(question_id) AS one_question, max(question_id) AS another
    FROM answers
    GROUP BY model_id, region, digest
), noted AS (
    SELECT * FROM texts WHERE empty > 0 OR technical > 0 OR (digest IS NOT NULL AND one_question <> another)
), same AS (
    SELECT * FROM noted WHERE empty = 0 AND digest IS NOT NULL AND one_question <> another
), regions AS (
    SELECT left(region, 100) AS region, sum(blocked)::bigint AS blocked, sum(cut_off)::bigint AS cut_off,
           sum(with_an_end)::bigint AS with_an_end
    FROM texts
    GROUP BY 1
    HAVING sum(blocked + with_an_end) > 0
    ORDER BY 1
    LIMIT 100
)
SELECT (SELECT coalesce(sum(empty), 0)::bigint FROM noted) AS empty,
       (SELECT coalesce(sum(technical), 0)::bigint FROM noted) AS technical,
       (SELECT count(*) FROM same) AS texts,
       (SELECT coalesce(sum(executions), 0)::bigint FROM same) AS executions,
       ARRAY(
           SELECT concat_ws(' · ', left(model_id, 200), left(region, 200),
                            left(one_question, 200) || ' = ' || left(another, 200))
           FROM same
           ORDER BY executions DESC, one_question, another, model_id COLLATE "C", region COLLATE "C", digest LIMIT 5
       ) AS examples,
       (SELECT coalesce(jsonb_agg(to_jsonb(regions)), '[]') FROM regions) AS regions

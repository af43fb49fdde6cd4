-- Answers without text, and texts that one model gave in one region to different questions.
--
-- Short texts are left out: 4, Paris or Yes may rightly answer two questions. From about a sentence on (20 bytes),
-- equal texts mean a refusal, a canned reply or a mix-up, which somebody should look at.
WITH same AS (
    SELECT model_id, region, count(*) AS executions,
           min(question_id COLLATE "C") AS one_question, max(question_id COLLATE "C") AS another
    FROM {executions} AS execution
    WHERE status = 'completed' AND octet_length(response) >= 20
    GROUP BY model_id, region, md5(response)
    HAVING min(question_id COLLATE "C") <> max(question_id COLLATE "C")
)
SELECT (SELECT count(*) FROM {executions} AS execution
        WHERE status = 'empty' OR status = 'completed' AND octet_length(response) < 100
                                  AND btrim(response, E' \t\r\n') = '') AS empty,
       (SELECT count(*) FROM same) AS texts,
       (SELECT coalesce(sum(executions), 0)::bigint FROM same) AS executions,
       ARRAY(
           SELECT concat_ws(' · ', left(model_id, 200), left(region, 200),
                            left(one_question, 200) || ' = ' || left(another, 200))
           FROM same ORDER BY executions DESC, one_question LIMIT 5
       ) AS examples

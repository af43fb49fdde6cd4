"""What is wrong with a job file is said in one line: file, line, column, key path, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from beacon_cli.errors import JobFileError

Refused = Callable[..., JobFileError]

HEAD = "models: [llama3.2-1b]\nregions: [US, EU, ASIA]\n"
WHOLE = HEAD + "questions: [math_basic]\n"

# The text, the message after `job.yaml:`, and words of the hint.
QUESTIONS = [
    ("[math_basc]", '3:13: questions[0]: the question bank has no "math_basc"', "did you mean math_basic? "),
    ("[Who are you?]", '3:13: questions[0]: the question bank has no "Who are you?"', "{id: …, text:"),
    ("[math_basic, 010]", "3:25: questions[1]: must be text, not 010", 'write it in quotes: "010"'),
    ("[12:30:45]", '3:13: questions[0]: the question bank has no "12:30:45"', "needs a text"),
    ("[no]", '3:13: questions[0]: the question bank has no "no"', "needs a text"),
    ("[null]", "3:13: questions[0]: must be text, not nothing", ""),
    ("[{id: 12, text: x}]", "3:18: questions[0].id: must be text, not 12", 'write it in quotes: "12"'),
    ("[{id: x, text: 1.5}]", "3:27: questions[0].text: must be text, not 1.5", 'write it in quotes: "1.5"'),
    ("[{id: x}]", '3:18: questions[0].id: the question bank has no "x"', "needs a text"),
    ("[{id: '', text: x}]", "3:18: questions[0].id: must not be empty", ""),
    ("[{id: ' x', text: a}]", "3:18: questions[0].id: a question's id must not start or end with white space", ""),
    ('[{id: "a\\tb", text: a}]', "3:18: questions[0].id: a question's id must contain only printable characters", ""),
    ("[{id: x, text: ' '}]", "3:27: questions[0].text: a question's text must not be empty", ""),
    ("[{text: x}]", "3:13: questions[0]: id: missing", ""),
    ("[{id: x, txt: a}]", "3:21: questions[0].txt: unknown key", "did you mean text? known keys: id, text"),
    ("[[math_basic]]", "3:13: questions[0]: must be text, not a list", ""),
    ("[]", "3:12: questions: must not be empty", "questions: [math_basic"),
    ("math_basic", '3:12: questions: must be a list, not the text "math_basic"', "questions: [math_basic"),
    ("", "4:1: questions: must be a list, not nothing", "questions: [math_basic"),
    (
        "[math_basic, {id: a, text: b}, {id: math_basic}]",
        "3:43: questions[2]: the question math_basic is repeated: questions[0] on line 3 is the same",
        "remove one of the two",
    ),
    ("[{id: a, text: b, tags: [x y]}]", "3:36: questions[0].tags: a tag must be printable, without white space", ""),
    ("[{id: a, text: b, tags: x}]", '3:36: questions[0].tags: must be a list, not the text "x"', ""),
    ("[{id: a, text: b, tags: [1]}]", "3:37: questions[0].tags[0]: must be text, not 1", 'in quotes: "1"'),
    ("{fil: x.jsonl}", "3:13: questions.fil: unknown key", "did you mean file? known keys: file"),
    ("{file: nope.jsonl}", "3:19: questions.file: nope.jsonl: no such file or directory", ".jsonl, .csv or .txt"),
    ("{file: .}", "3:19: questions.file: .: is a folder", ".jsonl, .csv or .txt"),
]
MODELS = [
    ("models: [llama3.2:1b]", '2:10: models[0]: unknown model "llama3.2:1b"', "did you mean llama3.2-1b? "),
    ("models: [mistral-7b]", '2:10: models[0]: unknown model "mistral-7b"', "known models: llama3.2-1b, qwen2.5-1.5b"),
    ("models: [LLAMA3.2-1B]", '2:10: models[0]: unknown model "LLAMA3.2-1B"', "did you mean llama3.2-1b? "),
    ("models: [1e3]", "2:10: models[0]: must be text, not 1e3", 'write it in quotes: "1e3"'),
    ("models: llama3.2-1b", '2:9: models: must be a list, not the text "llama3.2-1b"', "write models: ["),
    ("models: []", "2:9: models: must not be empty", "write models: ["),
    ("models: [{region: [US]}]", "2:11: models[0].region: unknown key", "did you mean regions? "),
    (
        "models: [llama3.2-1b]",
        "2:10: models[0]: llama3.2-1b is not asked anywhere: neither the model nor the job has regions",
        "write regions: [US, EU, ASIA]",
    ),
    (
        "models: [llama3.2-1b, {id: llama3.2-1b, regions: [EU]}]\nregions: [US]",
        "2:23: models[1]: the model llama3.2-1b is repeated: models[0] on line 2 is the same",
        "remove",
    ),
    (
        "models:\n  - id: llama3.2-1b\n    regions:\n      - asia\n      - AP",
        "6:9: models[0].regions[1]: the region ASIA is repeated: models[0].regions[0] on line 5 is the same",
        "remove",
    ),
    ("models: [llama3.2-1b]\nregions: []", "3:10: regions: must not be empty", "write regions: [US, EU, ASIA]"),
    ("models: [llama3.2-1b]\nregions: US", '3:10: regions: must be a list, not the text "US"', "write regions: ["),
    ("models: [llama3.2-1b]\nregions: [US, MARS]", '3:15: regions[1]: unknown region "MARS"', "ASIA (apac)"),
    ("models: [llama3.2-1b]\nregions: [asia-pacifc]", "", "did you mean asia-pacific? "),
    ("models: [llama3.2-1b]\nregions: [true]", "3:11: regions[0]: must be text, not true", 'in quotes: "true"'),
]
OTHERS = [
    ("repeat: 2", "4:1: repeat: unknown key", "did you mean repeats? known keys: id, name"),
    ("repeats: '3'", '4:10: repeats: must be a whole number, not the text "3"', ""),
    ("repeats: true", "4:10: repeats: must be a whole number, not true", ""),
    ("repeats: 1.5", "4:10: repeats: must be a whole number, not 1.5", ""),
    ("repeats: 0", "4:10: repeats: must be at least 1, not 0", ""),
    ("repeats: 1001", "4:10: repeats: must be at most 1000, not 1001", ""),
    ("repeats: 1\nrepeats: 1", "5:1: repeats: the key is written twice, first on line 4, column 1", "remove one"),
    ("generation: {seed: -1}", "4:20: generation.seed: must be at least 0, not -1", ""),
    ("generation: {temperature: hot}", '4:27: generation.temperature: must be a number, not the text "hot"', ""),
    ("generation: {temperature: 1e400}", "4:27: generation.temperature: 1e400 is not a number that can be used", ""),
    ("generation: {temprature: 1}", "4:14: generation.temprature: unknown key", "did you mean temperature? "),
    ("generation: 3", "4:13: generation: must be keys and values, not 3", ""),
    ("generation: {top_p: 0}", "4:21: generation.top_p: must be more than 0, not 0", ""),
    ("generation: {top_p: 1.1}", "4:21: generation.top_p: must be at most 1, not 1.1", ""),
    ("generation: {stop: 5}", "4:20: generation.stop: must be a text, or a list of 1 to 4 texts", "write stop: "),
    ("generation: {stop: ''}", "4:20: generation.stop: must not be empty", "write stop: "),
    ("generation: {stop: []}", "4:20: generation.stop: must not be empty", "write stop: "),
    ("generation: {stop: [a, b, c, d, e]}", "4:20: generation.stop: must have at most 4 entries", "write stop: "),
    ("generation: {stop: [hello, hello]}", '4:20: generation.stop: "hello" is repeated', ""),
    ("generation: {stop: [a, 7]}", "4:24: generation.stop[1]: must be text, not 7", 'in quotes: "7"'),
    (f"generation: {{stop: {'x' * 501}}}", "4:20: generation.stop: must have at most 500 characters", ""),
    ("generation: {extra: {}}", "4:21: generation.extra: must not be empty", "top_k"),
    ("generation: {extra: {seed: 1}}", "4:21: generation.extra: seed is set by Beacon itself", "top_k"),
    ("generation: {extra: {a: [{api_key: x}]}}", "4:21: generation.extra: api_key looks like a credential", "top_k"),
    ("generation: {extra: {my_api_key: x}}", "4:21: generation.extra: my_api_key looks like a credential", "top_k"),
    ("system_prompts: {}", "4:17: system_prompts: must not be empty", "default"),
    ("system_prompts: {US: ' '}", "4:22: system_prompts.US: must not be empty", ""),
    ("system_prompts: {MARS: x}", '4:18: system_prompts.MARS: unknown region "MARS"', "ASIA (apac)"),
    ("system_prompts: {US: x, us: y}", "4:25: system_prompts.us: the region us is repeated", "remove one"),
    (
        "system_prompt: x\nsystem_prompts: {US: y}",
        "5:1: system_prompts: system_prompt is there, too",
        "system_prompts: {default: …}",
    ),
    ("limits:", "5:1: limits: must be keys and values, not nothing", ""),
    ("limits: {max_in_flight: true}", "4:25: limits.max_in_flight: must be a whole number, not true", ""),
    ("limits: {answer_timeout: soon}", "4:26: limits.answer_timeout: write a duration such as 600s", ""),
    ("limits: {answer_timeout: 0}", "4:26: limits.answer_timeout: must be more than 0 seconds, not 0", ""),
    ("limits: {job_timeout: 90d}", "4:23: limits.job_timeout: must be at most 2592000 seconds", ""),
    ("limits: {atempts: 3}", "4:10: limits.atempts: unknown key", "did you mean attempts? "),
    (
        "analysis: strict",
        '4:11: analysis: must be keys and values, not the text "strict"',
        "write analysis: {rate",
    ),
    (
        "analysis: {rte: 0.01}",
        "4:12: analysis.rte: unknown key",
        "did you mean rate? known keys: measure, rate",
    ),
    ("analysis: {rate: 5}", "4:18: analysis.rate: must be at most 0.5, not 5", ""),
    ("analysis: {rate: low}", '4:18: analysis.rate: must be a number, not the text "low"', ""),
    ("analysis: {margin: 0}", "4:20: analysis.margin: must be at least 0.0001, not 0", "smallest effect that matters"),
    (
        "analysis: {measure: semantics}",
        '4:21: analysis.measure: must be a known name, not the text "semantics"',
        "did you mean semantic? known: lexical, semantic",
    ),
    (
        "analysis: {accept: [gpus]}",
        '4:21: analysis.accept[0]: must be a known name, not the text "gpus"',
        "did you mean gpu? known: model, model_revision, gpu",
    ),
    ("analysis: {measure: [lexical]}", "4:21: analysis.measure: must be a known name, not a list", "known: lexical"),
    ("analysis: {accept: gpu}", '4:20: analysis.accept: must be a list, not the text "gpu"', "accept: [system_prompt]"),
    ("analysis: {accept: [gpu, gpu]}", "4:20: analysis.accept: gpu is repeated", "accept: [system_prompt]"),
    ("version: 2", "4:10: version: must be 1, not 2", "reads version 1"),
    ("id: a b", '4:5: id: may hold only A-Z, a-z, 0-9, _ and -, not the text "a b"', "bias-demo-1"),
    ("id: ''", "4:5: id: may hold only A-Z, a-z, 0-9, _ and -, not an empty text", "bias-demo-1"),
    ('id: "a\\n"', '4:5: id: may hold only A-Z, a-z, 0-9, _ and -, not the text "a"', "bias-demo-1"),
    ("id: 0042", "4:5: id: must be text, not 0042", 'write it in quotes: "0042"'),
    (f"id: {'x' * 256}", "4:5: id: must have at most 255 characters", "bias-demo-1"),
    ("name: ' '", "4:7: name: must not be empty: leave the key out instead", ""),
    ("metadata: [1]", "4:11: metadata: must be keys and values, not a list", ""),
    ("metadata: {a: .nan}", "4:15: metadata.a: .nan is not a number that can be used here", "finite"),
    (f"metadata: {'9' * 5000}", "4:11: metadata: a number of 5000 digits is too large", ""),
    ('name: "a\\0b"', "4:7: name: the text holds a NUL character, which cannot be stored", "remove it"),
    ("foo: !!python/object:os.system x", "4:6: foo: the tag !!python/object:os.system has no meaning here", "remove"),
    ("metadata: !x {}", "4:11: metadata: the tag !x has no meaning here", "remove"),
    ("<<: {id: a}", '4:1: "<<": unknown key', "known keys"),
    ("12: a", "4:1: a key must be text", "in quotes"),
    ("? [a]\n: b", "4:3: a key must be text", "in quotes"),
    ("id: *a", "4:5: id: the alias *a refers to no anchor before it", "write &a there first"),
    ("name: a: b", "4:8: not valid YAML: mapping values are not allowed here", "in quotes"),
    ("\tname: a", "4:1: not valid YAML: found character '\\t' that cannot start any token", "spaces"),
    ("name: 'a", "5:1: not valid YAML: found unexpected end of stream", ""),
    ("---\nid: a", "4:1: a second document starts here", "one job per file"),
    ("name: a\x07", "4:8: the character U+0007 is not allowed in YAML", "remove it"),
    ('name: "\\ud83d\\ude00"', "4:7: name: the text holds half of a surrogate pair", "the character itself"),
    ('name: "ok \\UFFFFFFFF"', "4:11: not valid YAML: an escape that is no character", ""),
    ('name: "\\ud800"', "4:7: name: the text holds half of a surrogate pair", ""),
]
CASES = [
    *((HEAD + f"questions: {text}\n", message, hint) for text, message, hint in QUESTIONS),
    *((f"questions: [math_basic]\n{text}\n", message, hint) for text, message, hint in MODELS),
    *((f"{WHOLE}{text}\n", message, hint) for text, message, hint in OTHERS),
    ("", "1:1: the file is empty", "beacon docs job-files"),
    ("# nothing\n", "1:1: the file is empty", "beacon docs job-files"),
    ("- a\n", "1:1: a job file must be keys and values", "beacon docs job-files"),
    ("name: x\n", "1:1: questions: missing", "write questions: ["),
    ("questions: [math_basic]\nmodel: [x]\n", "2:1: model: unknown key", "did you mean models? "),
]


@pytest.mark.parametrize(("text", "message", "hint"), CASES)
def test_a_bad_yaml_file_is_refused_with_its_place(refused: Refused, text: str, message: str, hint: str) -> None:
    error = refused(text)
    assert error.message.startswith(f"job.yaml:{message}")
    assert hint in error.hint
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: the file is empty"),
        ("{", "1:2: not valid JSON: a key in double quotes is expected"),
        ('{"a" 1}', '1:6: not valid JSON: ":" is expected after the key'),
        ('{"a": 1,}', '1:9: not valid JSON: a comma before "}" is not allowed'),
        ('{"a": [1 2]}', '1:10: not valid JSON: "," or "]" is expected'),
        ('{"a": 01}', '1:8: not valid JSON: "," or "}" is expected'),
        ('{"a": tru}', "1:7: not valid JSON: expecting value"),
        ('{"a":\n "x\ty"}', "2:4: not valid JSON: invalid control character"),
        ("{} {}", "1:4: not valid JSON: there is text after the end of the document"),
        ("{'a': 1}", "1:2: not valid JSON: a key in double quotes is expected"),
        ('{"a": NaN}', "1:7: a: NaN is not a number that can be used here"),
        ('{"a": -Infinity}', "1:7: a: -Infinity is not a number that can be used here"),
        ('{"a": 1e400}', "1:7: a: 1e400 is not a number that can be used here"),
        ('{"a": %s}' % ("9" * 5000), "1:7: a: a number of 5000 digits is too large"),
        ('{"a": 1,\n\t"a": 2}', "2:2: a: the key is written twice, first on line 1, column 2"),
        ('{"name": "\\udc00"}', "1:10: name: the text holds half of a surrogate pair"),
        ('{"na\\u0000me": 1}', "1:2: the text holds a NUL character, which cannot be stored"),
        ('{"models": [\n\t\t12]}', "2:3: models[0]: must be text, not 12"),
        ("[" * 5000, "1:66: lists and mappings are nested more than 64 deep"),
    ],
)
def test_a_bad_json_file_is_refused_with_its_place(refused: Refused, text: str, message: str) -> None:
    assert refused(text, "job.json").message.startswith(f"job.json:{message}")


def test_the_first_of_several_faults_is_named(refused: Refused) -> None:
    assert refused(f"repeats: 0\n{WHOLE}id: a b\n").message.startswith("job.yaml:1:10: repeats")


def test_an_error_shows_no_control_characters_of_the_file(refused: Refused) -> None:
    error = refused(HEAD + 'questions: ["\\e[31m\\u202e"]\n"\\e]52;": 1\n')
    assert error.message.isprintable()
    assert refused(HEAD + 'questions: ["\\e[31m\\u202e"]\n').message.isprintable()

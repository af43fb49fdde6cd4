"""`python -m benchmarks.refusals`: precision and recall on texts that were held out, and what the first look leaves
out, as the tables of the documentation.

Without the extra `semantic`, the columns of the classifier and the last table are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from beacon_cli.comparison.embeddings import is_installed
from beacon_cli.comparison.languages import languages
from beacon_cli.comparison.refusal import RefusalRule, built_in_rule, judged_by_rules
from beacon_cli.comparison.refusal_classifier import classifying_rule
from benchmarks.refusals.first_look import first_look, simulated, written
from benchmarks.refusals.texts import HELD_OUT, HELD_OUT_LATER, Example, examples


def main() -> None:
    """Print the tables."""
    texts = list(examples(HELD_OUT))
    rules = {"rules": built_in_rule()}
    if is_installed():
        rules["rules and embeddings"] = classifying_rule()
    print("\n".join(table(texts, rules, ("plain", "hard", "long"))))
    print("\nlong texts that were written once everything was fixed:\n")
    print("\n".join(table(list(examples(HELD_OUT_LATER)), rules, ("long",))))
    foreign = [example for example in texts if example.label == "unknown"]
    unknown = sum(judged_by_rules(example.text).label == "unknown" for example in foreign)
    print(f"\nin languages that are not known: {unknown} of {len(foreign)} are `unknown`")
    if is_installed():
        print("\n".join(_first_look()))


def _first_look() -> Iterator[str]:
    """Yield the lines of the table of the first look."""
    yield (
        "\n| texts | left out by the first look | of the refusals that the classifier finds "
        "| highest probability of what is left out | lowest estimate of a refusal |"
    )
    yield "|---" * 5 + "|"
    for name, texts in (("written", written(of_each=60)), ("simulated", simulated(questions=40))):
        found = first_look(list(texts))
        yield (
            f"| {name} | {found.left_out:,} of {found.texts:,} | {found.lost} of {found.refusals:,} "
            f"| {100 * found.highest_left_out:.0f} % | {100 * found.lowest_refusal:.0f} % |"
        )


def table(texts: Sequence[Example], rules: Mapping[str, RefusalRule], kinds: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the table: refusals found, by kind, and answers taken for one."""
    columns = [f"{name}: {' | '.join(kinds)} | answers taken for one" for name in rules]
    yield f"| language | {' | '.join(columns)} |"
    yield "|---" * (1 + (len(kinds) + 1) * len(rules)) + "|"
    codes = [*languages()]
    for name, chosen in [*((languages()[code].name, [code]) for code in codes), ("all", codes)]:
        some = [example for example in texts if example.language in chosen]
        yield (
            f"| {name} | " + " | ".join(cell for rule in rules.values() for cell in _cells(some, rule, kinds)) + " |"
        )


def _cells(texts: Sequence[Example], rule: RefusalRule, kinds: Sequence[str]) -> Iterator[str]:
    refusals = [each for each in texts if each.label == "refusal"]
    for kind in kinds:
        yield _share([each for each in refusals if each.kind == kind], rule)
    yield _share([each for each in texts if each.label == "answer"], rule)


def _share(texts: Sequence[Example], rule: RefusalRule) -> str:
    return f"{sum(rule.hit(each.text) is not None for each in texts)} of {len(texts)}" if texts else "–"


if __name__ == "__main__":
    main()

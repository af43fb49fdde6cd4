"""`python -m benchmarks.refusals`: precision and recall on texts that were held out, as the table of the documentation.

Without the extra `semantic`, the columns of the classifier are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from beacon_cli.comparison.embeddings import is_installed
from beacon_cli.comparison.languages import languages
from beacon_cli.comparison.refusal import Judgement, judged_by_rules
from beacon_cli.comparison.refusal_classifier import judged
from benchmarks.refusals.texts import HELD_OUT, HELD_OUT_LATER, Example, examples

Judge = Callable[[str], Judgement]


def main() -> None:
    """Print the tables."""
    texts = list(examples(HELD_OUT))
    judges: dict[str, Judge] = {"rules": judged_by_rules}
    if is_installed():
        judges["rules and embeddings"] = judged
    print("\n".join(table(texts, judges, ("plain", "hard", "long"))))
    print("\nlong texts that were written once everything was fixed:\n")
    print("\n".join(table(list(examples(HELD_OUT_LATER)), judges, ("long",))))
    foreign = [example for example in texts if example.label == "unknown"]
    unknown = sum(judged_by_rules(example.text).label == "unknown" for example in foreign)
    print(f"\nin languages that are not known: {unknown} of {len(foreign)} are `unknown`")


def table(texts: Sequence[Example], judges: dict[str, Judge], kinds: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the table: refusals found, by kind, and answers taken for one."""
    columns = [f"{name}: {' | '.join(kinds)} | answers taken for one" for name in judges]
    yield f"| language | {' | '.join(columns)} |"
    yield "|---" * (1 + (len(kinds) + 1) * len(judges)) + "|"
    codes = [*languages()]
    for name, chosen in [*((languages()[code].name, [code]) for code in codes), ("all", codes)]:
        some = [example for example in texts if example.language in chosen]
        yield (
            f"| {name} | " + " | ".join(cell for judge in judges.values() for cell in _cells(some, judge, kinds)) + " |"
        )


def _cells(texts: Sequence[Example], judge: Judge, kinds: Sequence[str]) -> Iterator[str]:
    refusals = [each for each in texts if each.label == "refusal"]
    for kind in kinds:
        yield _share([each for each in refusals if each.kind == kind], judge)
    yield _share([each for each in texts if each.label == "answer"], judge)


def _share(texts: Sequence[Example], judge: Judge) -> str:
    return f"{sum(judge(each.text).label == 'refusal' for each in texts)} of {len(texts)}" if texts else "–"


if __name__ == "__main__":
    main()

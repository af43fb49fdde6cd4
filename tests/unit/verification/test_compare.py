"""A listing against the registry, as a pure function."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.executor.listing import Listing, read_listing
from beacon_cli.verification.compare import compare
from beacon_cli.verification.findings import Target
from modal_deployment.registry import BUILT_IN_MODELS, registry_document, registry_sha256

REGISTRY = {model.id: model for model in BUILT_IN_MODELS}
IDS = st.sampled_from([*REGISTRY, "mistral-7b", "llama3.2:1b", ""])


@given(st.lists(IDS))
def test_every_deviation_of_the_ids_is_found_and_only_those(ids: list[str]) -> None:
    comparison = compare(Listing(tuple(ids)), REGISTRY, "modal")
    assert set(comparison.missing) == set(REGISTRY) - set(ids)
    assert set(comparison.extra) == set(ids) - set(REGISTRY)
    codes = {finding.code for finding in comparison.findings}
    assert ("missing_model" in codes) == bool(comparison.missing)
    assert ("extra_model" in codes) == bool(comparison.extra)
    assert ("listed_twice" in codes) == (len(ids) != len(set(ids)))
    assert bool(comparison.findings) == (sorted(ids) != sorted(REGISTRY))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
    max_leaves=8,
)


@given(ids=JSON, registry=JSON | st.dictionaries(IDS, JSON), sha256=JSON)
def test_no_answer_whatever_it_holds_breaks_the_comparison(ids: object, registry: object, sha256: object) -> None:
    document = {"models_available": ids, "model_registry": registry, "registry_sha256": sha256}
    listing = read_listing(document)
    if listing is not None:
        compare(listing, REGISTRY, "modal")


def test_a_hash_that_differs_without_another_reason_names_the_fields() -> None:
    entries = registry_document(REGISTRY.values())
    entries["qwen2.5-1.5b"]["context"] = 4096
    comparison = compare(Listing(tuple(REGISTRY), entries, "0" * 64), REGISTRY, "modal")
    [finding] = comparison.findings
    assert comparison.hash_matches is False
    assert finding.code == "registry_differs"
    assert "qwen2.5-1.5b: context 4096 instead of 32768" in finding.message


def test_a_hash_that_differs_for_a_reason_that_is_named_already_is_not_said_twice() -> None:
    comparison = compare(Listing(("llama3.2-1b",), {}, "0" * 64), REGISTRY, "modal")
    assert [finding.code for finding in comparison.findings] == ["missing_model"]
    assert comparison.hash_matches is False


def test_two_models_of_the_same_weights_are_not_renamed_twice() -> None:
    model = REGISTRY["llama3.2-1b"]
    entry = {"source": model.source, "revision": model.revision}
    listing = Listing(("a", "b", "qwen2.5-1.5b"), {"a": entry, "b": entry})
    comparison = compare(listing, REGISTRY, "modal")
    assert comparison.renamed == {"a": "llama3.2-1b"}
    assert [finding.code for finding in comparison.findings] == ["extra_model", "renamed_model"]


def test_the_same_source_in_another_revision_is_no_renamed_model() -> None:
    entry = {"source": REGISTRY["llama3.2-1b"].source, "revision": "main"}
    comparison = compare(Listing(("a", "qwen2.5-1.5b"), {"a": entry}), REGISTRY, "modal")
    assert comparison.renamed == {}


def test_the_advice_fits_the_target() -> None:
    hints: dict[Target, str] = {
        target: compare(Listing(()), REGISTRY, target).findings[0].hint for target in get_args(Target)
    }
    assert "beacon deploy modal" in hints["modal"]
    assert "beacon serve" in hints["local"]


def test_a_matching_hash() -> None:
    listing = Listing(tuple(REGISTRY), {}, registry_sha256(REGISTRY.values()))
    assert compare(listing, REGISTRY, "modal").hash_matches is True

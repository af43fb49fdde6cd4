"""Whose certificates are trusted, and what is said of a variable that names none."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest
import trustme

from beacon_cli.errors import EnvironmentFault
from beacon_cli.network.roots import VARIABLES, trusted_roots


@pytest.fixture(autouse=True)
def _without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def authority(path: Path) -> Path:
    trustme.CA().cert_pem.write_to_path(path)
    return path


def test_without_variables_the_systems_own_are_trusted() -> None:
    assert trusted_roots().described.startswith(("the system's certificates", "the certificates of certifi"))


def test_what_several_variables_name_is_trusted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, str(authority(tmp_path / f"{variable}.pem")))
    roots = trusted_roots()
    assert len(roots.context.get_ca_certs()) == len(VARIABLES)
    assert all(f"{variable}.pem ({variable})" in roots.described for variable in VARIABLES)


def test_a_folder_may_hold_files_of_any_name_and_a_list_several_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        authority(tmp_path / name / "company.crt")
        (tmp_path / name / "README").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path / 'one'}{os.pathsep}{tmp_path / 'two'}")
    assert len(trusted_roots().context.get_ca_certs()) == 2


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "")
    assert "SSL_CERT_FILE" not in trusted_roots().described


def nothing(path: Path) -> None:
    """Leave the path as it is: absent."""


def empty_folder(path: Path) -> None:
    path.mkdir()


def key_alone(path: Path) -> None:
    trustme.CA().private_key_pem.write_to_path(path)


def der(path: Path) -> None:
    path.write_bytes(ssl.PEM_cert_to_DER_cert(authority(path).read_text()))


def broken(path: Path) -> None:
    path.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("make", [nothing, empty_folder, key_alone, der, broken, pipe])
def test_a_variable_that_names_no_certificate_is_one_sentence(
    variable: str, make: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "roots"
    assert callable(make)
    make(path)
    monkeypatch.setenv(variable, str(path))
    with pytest.raises(EnvironmentFault) as caught:
        trusted_roots()
    problem = (
        "cannot be read: No such file or directory" if make is nothing else "contains no certificate in PEM format"
    )
    assert caught.value.message == f"{variable} names {path}, which {problem}"
    assert caught.value.exit_code == 3

"""A secret is found where its reference points, and shows itself to nobody."""

from __future__ import annotations

import pickle

import pytest

from connector.errors import ConfigError
from connector.secrets import Secret


def test_a_secret_comes_from_the_environment(monkeypatch):
    """`env:NAME` is the variable's value."""
    monkeypatch.setenv("TOKEN_FOR_TEST", "s3cret")
    assert Secret("env:TOKEN_FOR_TEST").reveal() == "s3cret"


def test_a_secret_comes_from_a_file(tmp_path):
    """`file:PATH` is the file's text without its last line break."""
    (tmp_path / "token").write_text("s3cret\n")
    assert Secret(f"file:{tmp_path / 'token'}").reveal() == "s3cret"


def test_a_secret_comes_from_the_keyring(monkeypatch):
    """`keyring:SERVICE/NAME` asks the system's keyring."""
    import keyring
    import keyring.backend

    class Ring(keyring.backend.KeyringBackend):
        priority = 1

        def get_password(self, service, username):
            return {"crm/token": "s3cret"}.get(f"{service}/{username}")

        def set_password(self, service, username, password):
            raise AssertionError("nothing is stored")

        def delete_password(self, service, username):
            raise AssertionError("nothing is deleted")

    monkeypatch.setattr(keyring.core, "_keyring_backend", Ring())
    assert Secret("keyring:crm/token").reveal() == "s3cret"


def test_a_secret_does_not_print_itself(monkeypatch):
    """Neither as text, nor in a representation, nor on disk."""
    monkeypatch.setenv("TOKEN_FOR_TEST", "s3cret")
    secret = Secret("env:TOKEN_FOR_TEST")
    secret.reveal()
    assert "s3cret" not in f"{secret} {secret!r}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_a_secret_written_into_the_configuration_is_refused():
    """A token in a file that is committed is a leak; it is not repeated in the message."""
    with pytest.raises(ValueError, match="refer to it as keyring:") as refused:
        Secret("00Dxx-my-real-token")
    assert "my-real-token" not in str(refused.value)


@pytest.mark.parametrize("reference", ["env:NOT_SET_ANYWHERE", "file:/not/there"])
def test_a_missing_secret_says_where_it_was_looked_for(reference):
    """The reference is named, with what to do."""
    with pytest.raises(ConfigError, match=reference.partition(":")[2]) as missing:
        Secret(reference).reveal()
    assert missing.value.hint

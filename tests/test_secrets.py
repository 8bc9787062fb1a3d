"""A secret is found where its reference points, and shows itself to nobody."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading

import pytest

from connector.errors import ConfigError, Locked
from connector.secrets import Secret, Vault


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


# ── secrets that are replaced in use ──────────────────────────────────────────────────────────


@pytest.fixture
def ring(monkeypatch):
    """A keyring in memory."""
    import keyring
    import keyring.backend

    held = {}

    class Ring(keyring.backend.KeyringBackend):
        priority = 1

        def get_password(self, service, username):
            return held.get((service, username))

        def set_password(self, service, username, password):
            held[service, username] = password

        def delete_password(self, service, username):
            del held[service, username]

    monkeypatch.setattr(keyring.core, "_keyring_backend", Ring())
    return held


@pytest.fixture(params=["file", "keyring"])
def vault(request, tmp_path, ring, monkeypatch):
    """A place of either kind."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    places = {"file": f"file:{tmp_path / 'new' / 'login'}", "keyring": "keyring:crm/login"}
    return Vault(places[request.param])


def test_what_is_kept_is_what_is_read(vault):
    """Nothing, then one thing, then another, then nothing again."""
    assert vault.read() == ""
    for secret in ("one", "two"):
        vault.write(secret)
        assert vault.read() == secret
    vault.clear()
    vault.clear()
    assert vault.read() == ""


def test_only_one_at_a_time_has_the_lock(vault):
    """Another thread waits, and gives up with the name of the place."""
    refused = []

    def try_too():
        try:
            with vault.lock(patience=0.05):
                refused.append("got it")
        except Locked as error:
            refused.append(error.message)

    with vault.lock():
        thread = threading.Thread(target=try_too)
        thread.start()
        thread.join()
    assert vault.reference in refused[0]
    with vault.lock(patience=0.05):
        pass


def test_the_lock_dies_with_its_process(tmp_path):
    """A process that is killed leaves nobody waiting."""
    place = f"file:{tmp_path / 'login'}"
    code = (
        "import sys, time\n"
        "from connector.secrets import Vault\n"
        "with Vault(sys.argv[1]).lock():\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    line = [sys.executable, "-c", code, place]
    with subprocess.Popen(line, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Locked), Vault(place).lock(patience=0.05):
            pass
        holder.kill()
        holder.wait()
    with Vault(place).lock(patience=1):
        pass


def test_a_file_is_its_owners_alone_from_the_first_moment(tmp_path):
    """Also when a file with other rights was there, or one that a crash has left half written."""
    path = tmp_path / "login"
    for left in (path, tmp_path / "login.new"):
        left.write_text("old")
        left.chmod(0o644)
    Vault(f"file:{path}").write("new")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == "new"


def test_a_crash_while_writing_leaves_the_old_one_whole(tmp_path, monkeypatch):
    """The new name is given when all is on the disk, not before."""
    vault = Vault(f"file:{tmp_path / 'login'}")
    vault.write("old")

    def crash(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(ConfigError, match="No space left"):
        vault.write("new")
    assert vault.read() == "old"


def test_a_link_is_followed_and_not_replaced(tmp_path):
    """The file that it leads to is the one that changes."""
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    Vault(f"file:{tmp_path / 'link'}").write("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_the_environment_cannot_be_written():
    """A refresh token that lives there would be lost with the first rotation."""
    with pytest.raises(ValueError, match="keyring:SERVICE/NAME or file:PATH"):
        Vault("env:TOKEN")


def test_a_keyring_that_is_locked_says_where_else(monkeypatch):
    """The library's word, and a file as the way out."""
    import keyring
    import keyring.backends.fail

    monkeypatch.setattr(keyring.core, "_keyring_backend", keyring.backends.fail.Keyring())
    with pytest.raises(ConfigError, match="did not take crm/login") as locked:
        Vault("keyring:crm/login").write("s3cret")
    assert "file:PATH" in locked.value.hint
    assert "s3cret" not in locked.value.message


def test_a_vault_does_not_print_what_it_keeps(vault):
    """It is its reference, also to those who compare or copy it."""
    vault.write("s3cret")
    assert "s3cret" not in f"{vault} {vault!r}"
    assert vault == Vault(vault.reference)
    assert vault != Secret(vault.reference)
    with pytest.raises(TypeError):
        pickle.dumps(vault)

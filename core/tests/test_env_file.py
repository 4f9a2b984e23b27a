"""Files of settings are read as editors, shells and other programs write them."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from core import env_file
from talking_agent.tests.processes import manage, setting

SETTINGS = "TUTOR_ENGINE=local\nMETRICS_TOKEN=not-a-secret\n"


def read(folder: Path, written: str | bytes) -> dict[str, str]:
    path = folder / "env"
    path.write_bytes(written.encode() if isinstance(written, str) else written)
    entries = env_file.read(path)
    assert entries is not None
    return {entry.name: entry.value for entry in entries}


# Encodings


@pytest.mark.parametrize(
    "data",
    [
        SETTINGS.encode("utf-8-sig"),
        SETTINGS.replace("\n", "\r\n").encode("utf-16"),
        b"\xfe\xff" + SETTINGS.encode("utf-16-be"),
        SETTINGS.encode("utf-32"),
        SETTINGS.replace("\n", "\r\n").encode(),
        SETTINGS.replace("\n", "\r").encode(),
        SETTINGS.rstrip().encode(),
        b"# joined\n" + SETTINGS.encode("utf-8-sig"),
    ],
    ids=[
        "utf-8 with a mark",
        "powershell",
        "utf-16 big",
        "utf-32",
        "windows",
        "old mac",
        "no last line break",
        "joined",
    ],
)
def test_files_of_all_editors_are_loaded(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "env").write_bytes(data)
    found = setting("TUTOR_ENGINE, METRICS_TOKEN", tmp_path / "data", ENV_FILES=str(tmp_path / "env"))
    assert found == "('local', 'not-a-secret')"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"# Schl\xfcssel\n" + SETTINGS.encode(), "line 1: a character is not in UTF-8 (Latin-1"),
        (SETTINGS.encode() + b"X=\x93hunter2\x94\r\n", "line 3: a character is not in UTF-8"),
        (b"A=1\r\n\r\nB=hunter2\xe9", "line 3: a character"),
        (SETTINGS.encode("utf-16-le"), "UTF-16"),
        (b"\xff\xfe" + SETTINGS.encode("utf-16-le")[:-1], "UTF-16"),
        (b"\xef\xbb\xbfA=hunter2\xff", "line 1: a character is not in UTF-8"),
        (b"A=hunter2\0\n", "NUL"),
    ],
)
def test_another_encoding_is_reported_without_a_value(data: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "env").write_bytes(data)
    done = manage(tmp_path / "data", "check", ENV_FILES=str(tmp_path / "env"))
    assert done.returncode != 0
    assert done.stderr.startswith(f"Not started. {tmp_path / 'env'}")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr
    assert "not-a-secret" not in done.stderr


# Lines

PEM = "-----BEGIN PRIVATE KEY-----\nMIIE+/=\nabc==\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("export N=x", "x"),
        ("export\tN=x", "x"),
        ("  export \t N=x", "x"),
        ("\tN=x", "x"),
        ("N = x", "x"),
        ("N\t=\tx", "x"),
        ("N= x ", "x"),
        ("N=", ""),
        ("N= # nothing", ""),
        ("N=#nothing", ""),
        ("N=x # a comment", "x"),
        ("N=x\t# a comment", "x"),
        ("N=x#y", "x#y"),
        ("N=x=y==", "x=y=="),
        ("N=two words", "two words"),
        ("N=it's", "it's"),
        ("N=$HOME", "$HOME"),
        (r"N=C:\new\a", r"C:\new\a"),
        ('N=""', ""),
        ('N="x # y" # z', "x # y"),
        ("N='x # y'# z", "x # y"),
        (r'N="not\a-secret"', r"not\a-secret"),
        (r'N="a\tb\x\$"', r"a\tb\x\$"),
        (r'N="a\nb\r"', "a\nb\r"),
        (r'N="a\"b\\"', 'a"b\\'),
        (r'N="a\\nb"', r"a\nb"),
        (r"N='a\nb\\'", r"a\nb\\"),
        ("N='say \"x\"'", 'say "x"'),
        ('N="it\'s"', "it's"),
        (f'N="{PEM}"', PEM),
        (f"N='{PEM}'  # the key", PEM),
        (f'N="{PEM}"'.replace("\n", "\r\n"), PEM),
        ("N=x\u2028y", "x\u2028y"),
        ("N=x\x0cy", "x\x0cy"),
        ("N=first\nN=last", "last"),
        ("N=ü", "ü"),
    ],
)
def test_a_value_is_read_as_it_is_meant(written: str, value: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"# before\n\n{written}\nAFTER=1\n") == {"N": value, "AFTER": "1"}
    assert read(tmp_path, written) == {"N": value}


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("hunter2", "write NAME=value"),
        ("2N=hunter2", "write NAME=value"),
        ("N: hunter2", "write NAME=value"),
        ("=hunter2", "write NAME=value"),
        ("export hunter2", "write NAME=value"),
        ("$env:N = 'hunter2'", "write NAME=value"),
        ("N=“hunter2”", "N has typographic quotes"),
        ('N="hunter2', "never closed"),
        ("N='hunter2", "never closed"),
        ('N="hunter2" hunter2', "follows the closing quote."),
        ("N='it's hunter2'", "follows the closing quote."),
        ('N="hunter2\nM="hunter2"', "follows the closing quote on line 4."),
        (r'N="hunter2\"', "never closed"),
    ],
)
def test_an_invalid_line_is_named_and_its_text_is_not_shown(written: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured) as raised:
        read(tmp_path, f"# before\n\n{written}\n")
    assert f"{tmp_path / 'env'}, line 3: " in str(raised.value)
    assert words in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_key_without_quotes_is_named_at_its_second_line(tmp_path: Path) -> None:
    with pytest.raises(
        ImproperlyConfigured, match=r"line 2: write NAME=value\. Put a value of several lines in quotes"
    ):
        read(tmp_path, f"CLOUDFRONT_KEY={PEM}\n")


def test_a_key_of_several_lines_reaches_the_settings(tmp_path: Path) -> None:
    (tmp_path / "env").write_text(f'S3_BUCKET_NAME=b\nCLOUDFRONT_KEY="{PEM}"\n')
    shown = 'STORAGES["audio_cloud"]["OPTIONS"]["cloudfront_key"]'
    assert setting(shown, tmp_path / "data", ENV_FILES=str(tmp_path / "env")) == repr(PEM)


def test_a_setting_that_is_written_twice_is_reported_without_its_values(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("METRICS_TOKEN=hunter2\nPORT=8001\nPORT=8001\n\nMETRICS_TOKEN=hunter3\n")
    done = manage(tmp_path / "data", "check", ENV_FILES=str(tmp_path / "env"))
    assert done.returncode == 0
    assert f"{tmp_path / 'env'}, line 5: METRICS_TOKEN replaces the value of line 1." in done.stderr
    assert "PORT" not in done.stderr
    assert "hunter" not in done.stderr


def test_a_folder_is_not_read_as_a_file_of_settings(tmp_path: Path) -> None:
    assert env_file.read(tmp_path) is None

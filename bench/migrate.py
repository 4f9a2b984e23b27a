"""Measure how fast `storage migrate` fills a bucket, against rclone and a plain loop of `put_object` in the same run.

    python bench/migrate.py [--quick]

5,000 recordings of 64 KB, then 200 of 2 MB (--quick: 625 and 25), move from DATA_DIR to SeaweedFS and PostgreSQL, eight
at a time. `storage migrate` reads rows, verifies the arrived bytes, and writes rows. The others only copy files.
Without --quick, the peak memory with 1,000 and with 100,000 recordings follows, and the time of a second run without
work.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.store import started
from tests.servers import PostgresServer, S3Server
from tests.servers.postgresql import temporary_folder
from tests.servers.process import ROOT

AT_A_TIME = 8
# Bytes. With such small files, the rows dominate.
TINY = 100


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="end within a minute")
    quick = options.parse_args().quick
    results: dict[str, Any] = {"bench": "migrate", "quick": quick}
    with ExitStack() as stack:
        s3 = started(stack, S3Server(temporary_folder("bench-s3")))
        postgres = started(stack, PostgresServer(temporary_folder("bench-postgresql")))
        migration = Migration(postgres, s3)
        print(f"{'recordings':<24}{'ours':>12}{'rclone':>12}{'put_object':>12}   a second")
        for name, count, size in (("small", 5_000, 65_536), ("large", 200, 2_097_152)):
            results[name] = throughput(migration, s3, count // 8 if quick else count, size)
        if not quick:
            results |= growth(migration)
    print(json.dumps(results))


class Migration:
    """Run `manage.py storage migrate` on a separate DATA_DIR."""

    def __init__(self, postgres: PostgresServer, s3: S3Server) -> None:
        self.folder = temporary_folder("bench-data")
        self._env = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            **{"ENV_FILES": "", "DATA_DIR": str(self.folder), "SECRET_KEY": "x" * 50},
            **postgres.env,
            **s3.env,
        }
        self.manage("migrate", "-v0")
        os.environ.update(self._env, DJANGO_SETTINGS_MODULE="talking_agent.settings")
        import django

        django.setup()

    def manage(self, *command: str) -> tuple[str, float, int]:
        """Run a command. Return its output, its seconds, and its peak memory in MB."""
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "manage.py", *command], cwd=ROOT, env=self._env, stdout=subprocess.PIPE, text=True
        )
        peak, watched = 0, psutil.Process(process.pid)
        while process.poll() is None:
            try:
                peak = max(peak, watched.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.02)
        printed = process.communicate()[0]
        if process.returncode:
            raise RuntimeError(f"{command}: {printed}")
        return printed, time.perf_counter() - began, peak // 2**20

    def run(self) -> tuple[dict[str, Any], float, int]:
        printed, seconds, peak = self.manage("storage", "migrate", "--yes", "--json", "--workers", str(AT_A_TIME))
        return json.loads(printed.splitlines()[-1]), seconds, peak

    def keep_locally(self, count: int, size: int) -> Path:
        """Create `count` recordings in the local database and storage. Return the folder of the files."""
        from audio.models import Recording

        self.forget()
        folder = self.folder / "recordings" / "audio"
        folder.mkdir(parents=True)
        for batch in _batches(count):
            rows = []
            for _ in batch:
                data, message = os.urandom(size), uuid.uuid4()
                name = f"1760000000000-{uuid.uuid4().hex}-{message.hex}-user.webm"
                (folder / name).write_bytes(data)
                digest = hashlib.sha256(data).hexdigest()
                rows.append(
                    Recording(
                        id=uuid.uuid5(message, digest),
                        learner=uuid.uuid4(),
                        conversation=uuid.uuid4(),
                        message=message,
                        key=f"audio/{name}",
                        content_type="audio/webm",
                        size=size,
                        duration=20.0,
                        sha256=digest,
                        created_at=datetime.now(UTC),
                    )
                )
            Recording.objects.using("local").bulk_create(rows)
        return folder

    def forget(self) -> None:
        """Delete the rows in both databases, and the local files."""
        import shutil

        from audio.models import Recording

        for using in ("local", "default"):
            table = Recording.objects.using(using).all()
            table._raw_delete(using)
        shutil.rmtree(self.folder / "recordings", ignore_errors=True)


def throughput(migration: Migration, s3: S3Server, count: int, size: int) -> dict[str, float]:
    """Return the ratios of the medians of three rounds, in which the three ways take turns.

    Our time excludes the start of Python, because rclone starts at once.
    """
    rates: dict[str, list[float]] = {"ours": [], "rclone": [], "put_object": []}
    for _ in range(3):
        folder = migration.keep_locally(count, size)
        report = migration.run()[0]
        if report["recordings"] != count:
            raise RuntimeError(report)
        rates["ours"].append(count / report["seconds"])
        rates["rclone"].append(count / rclone(folder, s3))
        rates["put_object"].append(count / put_objects(folder, s3))
    median = {name: sorted(each)[1] for name, each in rates.items()}
    cells = "".join(f"{rate:12.0f}" for rate in median.values())
    print(f"{f'{count:,} x {size // 1024:,} KB':<24}{cells}")
    return {
        "rclone_ratio": round(median["ours"] / median["rclone"], 2),
        "put_object_ratio": round(median["ours"] / median["put_object"], 2),
        "files_per_second": round(median["ours"]),
    }


def rclone(folder: Path, s3: S3Server) -> float:
    env = {
        **os.environ,
        "RCLONE_CONFIG": "/dev/null",
        "RCLONE_CONFIG_S3_TYPE": "s3",
        "RCLONE_CONFIG_S3_PROVIDER": "SeaweedFS",
        "RCLONE_CONFIG_S3_ENDPOINT": s3.endpoint,
        "RCLONE_CONFIG_S3_ACCESS_KEY_ID": s3.env["AWS_ACCESS_KEY_ID"],
        "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": s3.env["AWS_SECRET_ACCESS_KEY"],
    }
    bucket = f"s3:{s3.env['S3_BUCKET_NAME']}/rclone-{uuid.uuid4().hex}"
    command = [str(Path(sys.executable).with_name("rclone")), "copy", str(folder), bucket]
    began = time.perf_counter()
    subprocess.run([*command, "--transfers", str(AT_A_TIME), "--checkers", str(AT_A_TIME)], env=env, check=True)
    return time.perf_counter() - began


def put_objects(folder: Path, s3: S3Server) -> float:
    client, bucket = s3.client(), s3.env["S3_BUCKET_NAME"]

    def put(path: Path) -> None:
        client.put_object(Bucket=bucket, Key=f"plain/{path.name}", Body=path.read_bytes(), ContentType="audio/webm")

    began = time.perf_counter()
    with ThreadPoolExecutor(AT_A_TIME) as threads:
        list(threads.map(put, folder.iterdir()))
    return time.perf_counter() - began


def growth(migration: Migration) -> dict[str, float]:
    peaks, again = {}, 0.0
    for count in (1_000, 100_000):
        migration.keep_locally(count, TINY)
        peaks[count] = migration.run()[2]
        again = migration.run()[1]
    ratio = round(peaks[100_000] / peaks[1_000], 2)
    print(f"memory, MB: {peaks[1_000]} with 1,000 recordings, {peaks[100_000]} with 100,000: {ratio}")
    print(f"a second run over 100,000 recordings, nothing to do: {again:.1f} s")
    return {"memory_ratio": ratio, "nothing_to_do_s": round(again, 1)}


def _batches(count: int) -> Iterator[range]:
    return (range(start, min(start + 500, count)) for start in range(0, count, 500))


if __name__ == "__main__":
    main()

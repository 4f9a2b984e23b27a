"""The servers that the tests run can be killed, frozen, emptied and made to refuse requests."""

import subprocess
import sys
import time
from collections.abc import Iterator

import boto3
import psutil
import psycopg
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from psycopg.errors import ReadOnlySqlTransaction
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import NetworkTimeout, OperationFailure

from tests.servers import MongoServer, PostgresServer, S3Server
from tests.servers.process import ROOT


def sql(env: dict[str, str], statement: str, *, patience: int = 60) -> list[tuple[object, ...]]:
    """Run a statement as the application would, in a new connection."""
    url = env["DATABASE_URL"].removesuffix("?schema=public")
    with psycopg.connect(url, autocommit=True, connect_timeout=patience) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def words(own_postgres: PostgresServer) -> PostgresServer:
    sql(own_postgres.env, "CREATE TABLE words (word text)")
    sql(own_postgres.env, "INSERT INTO words VALUES ('kept')")
    return own_postgres


def test_postgresql_keeps_its_data_when_killed(words: PostgresServer):
    words.kill()
    words.start()
    assert words.execute("SELECT word FROM words") == [("kept",)]


def test_postgresql_leaves_no_process_when_killed(words: PostgresServer):
    processes = psutil.Process(words.pid).children()
    words.kill()
    assert processes
    assert not [process for process in processes if process.is_running() and process.status() != "zombie"]


def test_postgresql_hangs_when_frozen(words: PostgresServer):
    words.freeze()
    with pytest.raises(psycopg.errors.ConnectionTimeout):
        sql(words.env, "SELECT 1", patience=2)
    words.thaw()
    assert sql(words.env, "SELECT word FROM words") == [("kept",)]


def test_postgresql_read_only_refuses_writes(words: PostgresServer):
    with words.read_only():
        assert sql(words.env, "SELECT word FROM words") == [("kept",)]
        with pytest.raises(ReadOnlySqlTransaction):
            sql(words.env, "INSERT INTO words VALUES ('refused')")
    sql(words.env, "INSERT INTO words VALUES ('taken')")


def test_postgresql_read_only_applies_to_open_connections(words: PostgresServer):
    url = words.env["DATABASE_URL"].removesuffix("?schema=public")
    with (
        psycopg.connect(url, autocommit=True) as connection,
        words.read_only(),
        pytest.raises(psycopg.OperationalError),
    ):
        connection.execute("INSERT INTO words VALUES ('refused')")


def test_postgresql_refuses_credentials(words: PostgresServer):
    with words.wrong_credentials(), pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        sql(words.env, "SELECT 1")
    assert sql(words.env, "SELECT word FROM words") == [("kept",)]


def test_postgresql_without_its_database(words: PostgresServer):
    with words.missing(), pytest.raises(psycopg.OperationalError, match="does not exist"):
        sql(words.env, "SELECT 1")
    assert sql(words.env, "SELECT word FROM words") == [("kept",)]


def test_postgresql_can_be_emptied(words: PostgresServer):
    words.empty()
    sql(words.env, "CREATE TABLE words (word text)")
    assert words.execute("SELECT word FROM words") == []


def test_a_wrong_secret_is_refused_by_postgresql(postgres: PostgresServer):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        sql(postgres.env_with_wrong_secret, "SELECT 1")


# MongoDB


@pytest.fixture
def collection(own_mongo: MongoServer) -> Iterator[Database[dict[str, str]]]:
    """Return a collection as the application would."""
    client: MongoClient[dict[str, str]] = MongoClient(
        own_mongo.env["MONGODB_URI"], serverMonitoringMode="poll", socketTimeoutMS=2000
    )
    client.get_default_database().words.insert_one({"_id": "kept"})
    yield client.get_default_database()
    client.close()


def test_mongodb_keeps_everything_that_it_acknowledged_when_killed(
    own_mongo: MongoServer, collection: Database[dict[str, str]]
):
    for number in range(200):
        collection.words.insert_one({"_id": str(number)})
    own_mongo.kill()
    own_mongo.start()
    assert own_mongo.database().words.count_documents({}) == 201


def test_mongodb_hangs_when_frozen(own_mongo: MongoServer, collection: Database[dict[str, str]]):
    own_mongo.freeze()
    with pytest.raises(NetworkTimeout):
        collection.words.insert_one({"_id": "late"})
    own_mongo.thaw()
    assert collection.words.find_one({"_id": "kept"})


def test_mongodb_read_only_refuses_writes(own_mongo: MongoServer, collection: Database[dict[str, str]]):
    with own_mongo.read_only():
        with pytest.raises(OperationFailure, match="not authorized"):
            collection.words.insert_one({"_id": "refused"})
        assert collection.words.find_one({"_id": "kept"})
    collection.words.insert_one({"_id": "taken"})


def test_mongodb_refuses_credentials(own_mongo: MongoServer, collection: Database[dict[str, str]]):
    with own_mongo.wrong_credentials(), pytest.raises(OperationFailure, match="authentication failed"):
        collection.words.find_one()
    assert collection.words.find_one({"_id": "kept"})


def test_mongodb_can_be_emptied(own_mongo: MongoServer, collection: Database[dict[str, str]]):
    own_mongo.empty()
    assert collection.words.find_one() is None


# S3


def s3_client(env: dict[str, str], patience: int = 60):
    """Return a client as the application would."""
    return boto3.client(
        "s3",
        endpoint_url=env["AWS_S3_ENDPOINT_URL"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=env["AWS_REGION"],
        config=Config(read_timeout=patience, retries={"total_max_attempts": 1}),
    )


def put(server: S3Server, key: str) -> None:
    s3_client(server.env).put_object(Bucket=server.env["S3_BUCKET_NAME"], Key=key, Body=key.encode())


def get(server: S3Server, key: str, patience: int = 60) -> bytes:
    body = s3_client(server.env, patience).get_object(Bucket=server.env["S3_BUCKET_NAME"], Key=key)["Body"].read()
    assert isinstance(body, bytes)
    return body


@pytest.fixture
def bucket(own_s3: S3Server) -> S3Server:
    put(own_s3, "kept")
    return own_s3


def test_s3_keeps_its_objects_when_killed(bucket: S3Server):
    bucket.kill()
    bucket.start()
    assert bucket.objects() == {"kept": b"kept"}


def test_s3_hangs_when_frozen(bucket: S3Server):
    bucket.freeze()
    with pytest.raises(BotoCoreError, match="Read timeout"):
        get(bucket, "kept", patience=1)
    bucket.thaw()
    assert get(bucket, "kept") == b"kept"


def test_s3_read_only_refuses_writes(bucket: S3Server):
    with bucket.read_only():
        with pytest.raises(ClientError, match="AccessDenied"):
            put(bucket, "refused")
        assert get(bucket, "kept") == b"kept"
    put(bucket, "taken")


def test_s3_refuses_credentials(bucket: S3Server):
    with bucket.wrong_credentials(), pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        get(bucket, "kept")
    assert get(bucket, "kept") == b"kept"


def test_s3_without_its_bucket(bucket: S3Server):
    with bucket.missing():
        with pytest.raises(ClientError, match="NoSuchBucket"):
            get(bucket, "kept")
        with pytest.raises(ClientError, match="AccessDenied"):
            put(bucket, "refused")
    assert bucket.objects() == {"kept": b"kept"}


def test_s3_can_be_emptied(bucket: S3Server):
    bucket.empty()
    assert bucket.objects() == {}


def test_s3_is_private(bucket: S3Server):
    anonymous = boto3.client(
        "s3", endpoint_url=bucket.endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        anonymous.get_object(Bucket="talking-agent", Key="kept")


def test_a_wrong_secret_is_refused_by_s3(own_s3: S3Server):
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        s3_client(own_s3.env_with_wrong_secret).list_objects_v2(Bucket="talking-agent")


# All servers


def test_a_killed_test_run_leaves_no_server():
    code = """
import os
from tests.servers import PostgresServer
from tests.servers.postgresql import temporary_folder
server = PostgresServer(temporary_folder("killed"))
server.start()
server.freeze()
print(server.pid, server.folder, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    pid, folder = done.stdout.split()
    deadline = time.monotonic() + 60
    while any(folder in " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])):
        assert time.monotonic() < deadline, pid
        time.sleep(0.05)

"""Run real servers for the tests, each with its own processes and folder, only on this machine."""

from tests.servers.agent import AgentServer
from tests.servers.mongodb import MongoServer
from tests.servers.postgresql import PostgresServer
from tests.servers.process import ServerProcess, free_port
from tests.servers.redis import RedisServer
from tests.servers.s3 import S3Server

__all__ = ["AgentServer", "MongoServer", "PostgresServer", "RedisServer", "S3Server", "ServerProcess", "free_port"]

"""Real servers for the tests: each in processes and on a folder of its own, on this machine only."""

from tests.servers.agent import AgentServer
from tests.servers.mongodb import MongoServer
from tests.servers.postgresql import PostgresServer
from tests.servers.process import ServerProcess, free_port
from tests.servers.s3 import S3Server

__all__ = ["AgentServer", "MongoServer", "PostgresServer", "S3Server", "ServerProcess", "free_port"]

import uuid

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from conversations.changes import now_after
from conversations.models import Conversation


def probe() -> None:
    """Prove that the cloud's database can be written and read. Raises what the database raises."""
    if forget := getattr(connections[settings.CLOUD_DATABASE], "forget_connections", None):
        # Drop the pool at once: otherwise every dead connection of PostgreSQL's pool would have to fail by itself.
        forget()
    executor = MigrationExecutor(connections[settings.CLOUD_DATABASE])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        # Writing to MongoDB would create collections without indexes, and migrating would fail on them ever after.
        raise DatabaseError("migrations are waiting to be applied")
    table = Conversation.objects.using(settings.CLOUD_DATABASE)
    key = uuid.UUID(int=0)
    table.filter(pk=key)._raw_delete(settings.CLOUD_DATABASE)
    moment = now_after()
    stamps = {"created_at": moment, "updated_at": moment, "timestamp": moment, "deleted_at": moment}
    table.bulk_create([Conversation(id=key, learner=key, wire_id="probe", erased=True, **stamps)])
    table.filter(pk=key)._raw_delete(settings.CLOUD_DATABASE)

"""Check the bodies of `/api/migration`, and describe its answers."""

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from conversations.stored_serializers import MomentField
from migration.checks import CheckState

ACTIONS = ("verify", "test", "migrate")


class ActionSerializer(serializers.Serializer[object]):
    action = serializers.ChoiceField(choices=ACTIONS)
    wait = serializers.BooleanField(
        default=True, help_text="Only for `migrate`. false: answer 202 with the run at once."
    )

    def to_internal_value(self, data: object) -> dict[str, object]:
        # Clients expect exactly these messages, without the name of a field before them.
        asked = data if isinstance(data, dict) else {}
        action, wait = asked.get("action"), asked.get("wait", True)
        problem = ""
        if action not in ACTIONS:
            problem = "Invalid action"
        elif not isinstance(wait, bool):
            problem = "`wait` must be true or false."
        elif not wait and action != "migrate":
            problem = "`wait`: only migrate can be asked not to wait."
        if problem:
            raise serializers.ValidationError({"non_field_errors": [problem]})
        return {"action": action, "wait": wait}


class CheckSerializer(serializers.Serializer[object]):
    group = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=[state.value for state in CheckState])
    found = serializers.CharField()
    advice = serializers.CharField(help_text="What to do; empty where there is nothing to do.")
    seconds = serializers.FloatField()


class VerifiedSerializer(serializers.Serializer[object]):
    isValid = serializers.BooleanField(help_text="Nothing failed. With the cloud on, a missing variable has failed.")
    missing = serializers.ListField(child=serializers.CharField(), help_text="The required variables that are not set.")
    checks = CheckSerializer(many=True)


class StepSerializer(serializers.Serializer[object]):
    name = serializers.CharField()
    ok = serializers.BooleanField()
    found = serializers.CharField()
    advice = serializers.CharField()
    seconds = serializers.FloatField()


class TestedSerializer(serializers.Serializer[object]):
    success = serializers.BooleanField()
    error = serializers.CharField(required=False)
    steps = StepSerializer(many=True)


class MigratedSerializer(serializers.Serializer[object]):
    success = serializers.BooleanField()
    migratedCount = serializers.IntegerField()
    errors = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]


class PlannedSerializer(serializers.Serializer[object]):
    conversations = serializers.IntegerField(allow_null=True)
    recordings = serializers.IntegerField(allow_null=True)
    bytes = serializers.IntegerField(allow_null=True)


class RunSerializer(serializers.Serializer[object]):
    id = serializers.CharField()
    url = serializers.CharField(help_text="The address that reports the progress of this run.")
    state = serializers.ChoiceField(choices=["running", "stopped", "done", "failed", "interrupted"])
    startedAt = MomentField()
    finishedAt = MomentField(allow_null=True)
    total = PlannedSerializer()
    seen = serializers.IntegerField(help_text="Conversations and recordings looked at.")
    counts = serializers.DictField(child=serializers.IntegerField())
    success = serializers.BooleanField(allow_null=True, help_text="null until it has ended.")
    migratedCount = serializers.IntegerField()
    errors = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]


RESULT = PolymorphicProxySerializer(
    component_name="MigrationResult",
    serializers=[VerifiedSerializer, TestedSerializer, MigratedSerializer],
    resource_type_field_name=None,
)

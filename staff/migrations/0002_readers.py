"""Let staff who could read conversations and the usage page go on: each has a permission of its own now."""

from django.db import migrations

BEFORE = "view_conversation"
NOW = (("conversations", "view_message"), ("usage", "view_spending"))


def keep_reading(apps, schema_editor):
    using = schema_editor.connection.alias
    Permission = apps.get_model("auth", "Permission").objects.using(using)
    added = [each for app, name in NOW for each in Permission.filter(content_type__app_label=app, codename=name)]
    # A new database has neither permissions nor staff.
    for before in Permission.filter(content_type__app_label="conversations", codename=BEFORE):
        for holder in (*before.user_set.all(), *before.group_set.all()):
            getattr(holder, "user_permissions" if hasattr(holder, "username") else "permissions").add(*added)


class Migration(migrations.Migration):
    dependencies = [
        ("staff", "0001_access_record"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(keep_reading, migrations.RunPython.noop)]

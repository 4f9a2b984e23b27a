from django.db import migrations, models


class AddObject(migrations.AddField):
    """Django's backend for MongoDB fills a new column by an aggregation, whose `$set` refuses an empty object."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != 'mongodb':
            return super().database_forwards(app_label, schema_editor, from_state, to_state)
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.get_collection(model._meta.db_table).update_many({}, {'$set': {self.name: {}}})


class Migration(migrations.Migration):

    dependencies = [
        ('conversations', '0001_initial'),
    ]

    operations = [
        AddObject(
            model_name='message',
            name='measured',
            field=models.JSONField(blank=True, default=dict, help_text='of an answer: {engine, heard_ms, thought_ms, first_audio_ms, saved_ms, usage: [...], cost: dollars or null}'),
        ),
    ]

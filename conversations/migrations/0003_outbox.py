from django.db import migrations, models

LEFT_OUT = {'id', 'learner', 'wire_id', 'conversation', 'created_at', 'updated_at', 'erased', 'partial', 'replaced_at'}


def carry_over(apps, schema_editor):
    """Move what version 0.1 kept in the local database during an outage to the outbox."""
    using = schema_editor.connection.alias
    if using != 'local':
        return
    Conversation, Message, Clearing, PendingChange = (
        apps.get_model('conversations', name) for name in ('Conversation', 'Message', 'Clearing', 'PendingChange')
    )
    kept = Conversation.objects.using(using).exclude(partial__isnull=True, replaced_at__isnull=True).order_by('updated_at')
    for row in kept.iterator():
        messages = list(Message.objects.using(using).filter(conversation=row.pk))
        stamps = stamps_of(row) | ({'messages': milliseconds(row.replaced_at)} if row.replaced_at else {})
        # A deletion, or a message that was taken back, does not make a conversation.
        if row.replaced_at or set(known(row)) - {'deleted_at'} or any(not each.deleted_at for each in messages):
            stamps['begun'] = milliseconds(row.created_at)
        change = {
            'wire_id': row.wire_id,
            'action': 'update',
            'columns': columns_of(row),
            'stamps': stamps,
            'messages': [
                {'id': each.wire_id, 'columns': columns_of(each), 'position': each.position, 'stamps': stamps_of(each)}
                for each in messages
            ],
        }
        PendingChange.objects.using(using).create(
            learner=row.learner,
            conversation=row.pk,
            moment=row.updated_at,
            change=change,
            deletes_at=min(filter(None, (each.deleted_at for each in (row, *messages))), default=None),
        )
        Message.objects.using(using).filter(conversation=row.pk).delete()
        row.delete(using=using)
    for row in Clearing.objects.using(using).all():
        change = {'wire_id': '', 'action': 'clear', 'columns': {}, 'stamps': None, 'messages': []}
        PendingChange.objects.using(using).create(
            learner=row.learner, conversation=None, moment=row.at, change=change, deletes_at=row.at
        )
        PendingChange.objects.using(using).filter(learner=row.learner, deletes_at=None).update(deletes_at=row.at)


def known(row):
    """Return the names of the columns that the row knows."""
    every = [field.name for field in row._meta.concrete_fields if field.name not in LEFT_OUT]
    return every if row.partial is None else [name for name in every if name in row.partial]


def columns_of(row):
    columns = {'created_at': row.created_at} | {name: getattr(row, name) for name in known(row)}
    return {name: value.isoformat() if hasattr(value, 'isoformat') else value for name, value in columns.items()}


def stamps_of(row):
    return dict.fromkeys(known(row), milliseconds(row.updated_at))


def milliseconds(moment):
    return round(moment.timestamp() * 1000)


class Migration(migrations.Migration):

    dependencies = [
        ('conversations', '0002_measured'),
    ]

    operations = [
        migrations.CreateModel(
            name='LastClear',
            fields=[
                ('learner', models.UUIDField(db_column='_id', primary_key=True, serialize=False)),
                ('moment', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='PendingChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('learner', models.UUIDField()),
                ('conversation', models.UUIDField(null=True)),
                ('moment', models.DateTimeField()),
                ('change', models.JSONField(help_text='see `outbox`')),
                ('deletes_at', models.DateTimeField(help_text='words that it holds were deleted then, and are to be erased', null=True)),
            ],
        ),
        migrations.AddIndex(
            model_name='pendingchange',
            index=models.Index(fields=['conversation', 'id'], name='pending_of_conversation'),
        ),
        migrations.AddIndex(
            model_name='pendingchange',
            index=models.Index(fields=['learner', 'conversation', 'id'], name='pending_of_learner'),
        ),
        migrations.RunPython(carry_over, migrations.RunPython.noop),
        migrations.DeleteModel(
            name='Clearing',
        ),
        migrations.RemoveField(
            model_name='conversation',
            name='partial',
        ),
        migrations.RemoveField(
            model_name='conversation',
            name='replaced_at',
        ),
        migrations.RemoveField(
            model_name='message',
            name='partial',
        ),
        migrations.AddField(
            model_name='conversation',
            name='stamps',
            field=models.JSONField(editable=False, help_text='when each column was set, in milliseconds', null=True),
        ),
        migrations.AddField(
            model_name='conversation',
            name='version',
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name='message',
            name='stamps',
            field=models.JSONField(editable=False, help_text='when each column was set, in milliseconds', null=True),
        ),
    ]

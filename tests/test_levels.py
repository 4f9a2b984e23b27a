from conversations import admin
from tutor import scenario


def test_the_admin_names_the_levels_that_talks_have():
    assert admin.LEVELS == scenario.LEVELS

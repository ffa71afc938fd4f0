"""All operations of the journal that are said in words which every SQL database understands."""

from gateway.journal.enrolment import Enrolment
from gateway.journal.retention import Retention
from gateway.journal.stewardship import Stewardship
from gateway.journal.updates import Updates


class Operations(Stewardship, Retention, Updates, Enrolment):
    """What is left is said by `tables.SqliteTransaction` and `postgres_tables.PostgresTransaction`."""

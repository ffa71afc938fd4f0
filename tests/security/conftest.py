from tests.gateway.conftest import asker, bench, broker, postgres_server  # noqa: F401 - fixtures

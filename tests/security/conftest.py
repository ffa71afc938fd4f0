from tests.gateway.conftest import asker, bench, broker  # noqa: F401 - fixtures

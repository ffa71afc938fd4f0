from tests.gateway.conftest import bench, broker, consumers, relayed

__all__ = ["bench", "broker", "consumers", "relayed"]

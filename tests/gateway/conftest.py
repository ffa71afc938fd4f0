import pytest

from hwsim.broker import Broker
from tests.gateway.bench import Bench, Consumer
from tests.gateway.initiator import Asker
from tests.gateway.stores import journal, postgres_server, store  # noqa: F401


@pytest.fixture
async def bench(tmp_path):
    """A gateway without a broker."""
    bench = await Bench(tmp_path).start()
    yield bench
    await bench.stop()


@pytest.fixture
async def asker(bench):
    """Asks for handshakes."""
    asker = await Asker.open(bench)
    yield asker
    asker.close()


@pytest.fixture
async def broker(tmp_path):
    broker = Broker("iotcore", tmp_path)
    await broker.start()
    yield broker
    broker.kill()


@pytest.fixture
async def consumers():
    """`consumers(port, ...)` makes subscribers that are closed at the end."""
    made = []

    async def make(port, *args, **kwargs):
        made.append(Consumer(port, *args, **kwargs))
        return await made[-1].ready()

    yield make
    for consumer in made:
        consumer.close()


@pytest.fixture
async def relayed(tmp_path, broker, consumers):
    """(bench with a broker, a consumer of everything)."""
    bench = await Bench(tmp_path, broker_port=broker.port_v5).start()
    consumer = await consumers(broker.port_v5)
    await bench.until(lambda: bench.app.relay.connected)
    yield bench, consumer
    await bench.stop()

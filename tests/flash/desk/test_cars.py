"""The list of cars: every mistake is named with its line and column, before anything is written anywhere."""

import json

import pytest

from flashing.desk import cars
from flashing.desk.options import ask_car
from flashing.errors import FlashError, Usage
from gateway.settings import SLUG

KEY = (
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
COMMON = {"host": "gateway.example", "gateway_key": KEY, "apn": "internet"}
HEAD = "unit,directorate,station,vehicle,pin"


def read(tmp_path, text, common=None):
    path = tmp_path / "cars.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return cars.read(path, COMMON if common is None else common)


def test_a_list_as_a_spreadsheet_saves_it(tmp_path):
    text = "\ufeffUnit;Directorate;Station;Vehicle;PIN;keepalive_s;covert\r\n"
    text += 'vr-101;vranje;ps-vranje;"Škoda; VR-101";0123;45;yes\r\n\r\nvr-102;vranje;ps-vranje;Dacia;;;\r\n'
    one, two = read(tmp_path, text)
    assert (one.place, one.vehicle, one.call_sign) == ("vranje/ps-vranje/vr-101", "Škoda; VR-101", "vr-101")
    assert one.config == {
        **COMMON, "pin": "0123", "keepalive_s": 45, "covert": True, "unit": one.place
    }  # fmt: skip
    assert two.config == {**COMMON, "unit": two.place}
    assert json.loads(one.settings()) == one.config


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("vr-101,vranje,ps-vranje,Dacia,12x4", 'line 2: "pin" must be 4 to 8 digits'),
        ("vr-101,vranje,ps-vranje,Dacia,123", "spreadsheet drops zeros in front"),
        ("VR 101,vranje,ps-vranje,Dacia,", "line 2: unit: 'VR 101': only a-z"),
        ("vr-101,vranje,,Dacia,", "line 2: station: is empty"),
        ("vr-101,vranje,ps-vranje,Da\tcia,", "line 2: vehicle"),
        ("vr-101,vranje,ps-vranje,Dacia,,more", "6 fields, and the first line names 5"),
        ("vr-1,vranje,ps,Dacia,\nvr-1,vranje,ps,Dacia,", "line 3: vranje/ps/vr-1 stands in line 2 already"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, row, words):
    with pytest.raises(FlashError) as found:
        read(tmp_path, f"{HEAD}\n{row}\n")
    said = "\n".join(found.value.lines())
    assert words in said
    assert "cars.csv" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"\xff\xfe", "not UTF-8"),
        ("", "lacks the column directorate"),
        ("unit,directorate,station\n", "lacks the column vehicle"),
        ("unit,unit,directorate,station,vehicle\n", "two columns are called unit"),
        (HEAD + "\n", "is empty"),
        (HEAD + ",colour\nvr-1,v,s,Dacia,,red\n", "there is no column 'colour'"),
        (HEAD + "n\nvr-1,v,s,Dacia,1234\n", "call it 'pin', if that is meant"),
    ],
)
def test_a_list_that_is_none(tmp_path, text, words):
    with pytest.raises(FlashError) as found:
        read(tmp_path, text)
    assert words in "\n".join(found.value.lines())


def test_the_terminals_own_checker_is_asked(tmp_path):
    with pytest.raises(FlashError) as found:
        read(tmp_path, f"{HEAD}\nvr-1,v,s,Dacia,\n", {"host": "x", "gateway_key": KEY[:-1] + "0"})
    assert '"gateway_key" is not a public key' in "\n".join(found.value.lines())


def test_a_car_is_found_by_its_unit_or_its_whole_place(tmp_path):
    listed = read(tmp_path, f"{HEAD}\nvr-1,v,s,Dacia,\nvr-1,v,t,Dacia,\nvr-2,v,s,Dacia,\n")
    assert cars.find(listed, "vr-2", tmp_path).place == "v/s/vr-2"
    assert cars.find(listed, "v/t/vr-1", tmp_path).station == "t"
    for wanted, words in (("vr-1", "2 cars are called vr-1"), ("vr-9", "no car vr-9")):
        with pytest.raises(FlashError, match=words):
            cars.find(listed, wanted, tmp_path)


def test_levels_of_a_topic_are_what_the_gateway_takes():
    assert cars.SLUG.pattern == SLUG.pattern


def test_one_car_by_questions(capsys):
    answers = iter(["vranje", "PS Vranje", "vr-7", "Dacia", "", "12", "ps-vranje", "1234"])
    asked = []

    def ask(question):
        asked.append(question)
        return next(answers)

    car = ask_car(COMMON, None, ask)
    assert (car.place, car.config["pin"]) == ("vranje/ps-vranje/vr-7", "1234")
    assert len(asked) == 8  # only what was wrong is asked for again
    assert "4 to 8" in capsys.readouterr().err
    with pytest.raises(Usage, match="nobody to ask"):
        ask_car(COMMON, None)

from shared.contract import refusals
from shared.contract.refusals import CATALOGUE, Code


def test_every_code_is_in_the_catalogue_and_once() -> None:
    declared = [value for value in vars(refusals).values() if isinstance(value, Code)]
    assert {code.code for code in declared} == {code.code for code in CATALOGUE}, "it is missing from CATALOGUE"
    assert len({code.code for code in CATALOGUE}) == len(CATALOGUE), "two have one code"

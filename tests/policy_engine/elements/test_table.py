import importlib
import pkgutil
from collections import Counter

from apim_policies import elements
from apim_policies.elements import table
from apim_policies.elements.beyond import BEYOND
from apim_policies.elements.model import POLICIES, Declared
from apim_policies.elements.table import ELEMENTS, STANDALONE


def declared() -> list[Declared]:
    """What all modules of the folder declare, whoever knows them."""
    modules = [
        importlib.import_module(f"{elements.__name__}.{found.name}")
        for found in pkgutil.iter_modules(elements.__path__)
    ]
    return [element for module in modules if module is not table for element in getattr(module, "ELEMENTS", ())]


def test_the_table_has_what_the_modules_declare() -> None:
    assert Counter(element.name for element in declared()) == Counter(ELEMENTS.keys())


def test_what_is_modelled_is_not_beyond() -> None:
    assert not STANDALONE.keys() & BEYOND.keys()


def test_every_child_is_declared() -> None:
    children = {child.name for model in ELEMENTS.values() for child in model.children}
    assert children - {POLICIES} <= ELEMENTS.keys()


def test_every_part_belongs_to_a_policy() -> None:
    children = {child.name for model in ELEMENTS.values() for child in model.children}
    assert ELEMENTS.keys() - STANDALONE.keys() <= children

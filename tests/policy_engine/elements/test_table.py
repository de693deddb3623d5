import importlib
import pkgutil
from collections import Counter

from apim_policies import elements
from apim_policies.elements.beyond import BEYOND
from apim_policies.elements.model import POLICIES, Declared
from apim_policies.elements.table import ELEMENTS, STANDALONE


def declared() -> list[Declared]:
    """What all modules of the folder declare, whoever knows them."""
    names = (found.name for found in pkgutil.iter_modules(elements.__path__))
    found = (getattr(importlib.import_module(f"{elements.__name__}.{name}"), "ELEMENTS", ()) for name in names)
    return [element for of_module in found if of_module is not ELEMENTS for element in of_module]


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

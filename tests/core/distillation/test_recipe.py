"""The recipe grammar: parsing, formatting, and the position of errors."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakd_core.distillation.recipe import Recipe, Term, parse_recipe
from fakd_core.distillation.terms import TERMS, Parameter, TermKind
from fakd_core.errors import ConfigError
from fakd_core.models.spec import TAP_COUNT


def values(parameter: Parameter) -> st.SearchStrategy[int | float | str]:
    if parameter.choices:
        return st.sampled_from(parameter.choices)
    if isinstance(parameter.default, int):
        return st.integers(int(parameter.low), int(parameter.high))
    return st.floats(parameter.low, parameter.high)


def terms_of(kind: TermKind) -> st.SearchStrategy[Term]:
    weights = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
    params = st.tuples(*(values(p).map(lambda value, p=p: (p.name, value)) for p in kind.parameters))
    hidden = {(one.name, one.default) for one in kind.parameters if one.hidden_default}
    shown = params.map(lambda pairs: tuple(pair for pair in pairs if pair not in hidden))
    taps = st.lists(st.sampled_from(range(TAP_COUNT)), unique=True, min_size=kind.min_layers)
    layers = st.just(()) | taps.map(tuple) if kind.compares == "maps" else st.just(())
    return st.builds(Term, weights, st.just(kind.name), shown, layers)


recipes = st.lists(
    st.one_of(*(terms_of(kind) for kind in TERMS)), max_size=5, unique_by=lambda term: term.full_name
).map(lambda terms: Recipe(tuple(terms)))


@settings(max_examples=150, deadline=None)
@given(recipes)
def test_text_of_a_recipe_parses_to_the_same_recipe(recipe: Recipe) -> None:
    assert parse_recipe(str(recipe)) == recipe
    assert len(set(recipe.part_names)) == len(recipe)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="SAPCkpolmax=(),*+-.@0129e \té\n", max_size=20) | st.text(max_size=20))
def test_any_text_is_a_recipe_or_one_clear_error(text: str) -> None:
    outcome = parsed_or_error(text)
    if isinstance(outcome, ConfigError):
        assert str(outcome).startswith(f"recipe {text!r}, character ")
        assert "\n" not in str(outcome)
    else:
        assert parse_recipe(str(outcome)) == outcome


def parsed_or_error(text: str) -> Recipe | ConfigError:
    try:
        return parse_recipe(text)
    except ConfigError as error:
        return error


def test_the_documented_example() -> None:
    recipe = parse_recipe("10*SA+0.5*PSA(k=2,pool=max)+1*RBF(k=2,pool=max,P=2,gamma=5)")
    assert recipe == (
        Term(10, "SA"),
        Term(0.5, "PSA", (("k", 2), ("pool", "max"))),
        Term(1, "RBF", (("k", 2), ("pool", "max"), ("P", 2), ("gamma", 5.0))),
    )
    assert recipe.part_names == ("SA", "PSA", "RBF")
    assert str(recipe) == "10*SA+0.5*PSA(k=2,pool=max)+1*RBF(k=2,pool=max,P=2,gamma=5)"


def test_layers_of_a_term() -> None:
    recipe = parse_recipe("10*SA(positions=0.25)@3, 1 + 0.2*FitNet@2 + AT")
    assert [term.layers for term in recipe] == [(3, 1), (2,), ()]
    assert str(recipe) == "10*SA(positions=0.25)@3,1+0.2*FitNet@2+1*AT"
    assert recipe.layers((0,)) == (0, 1, 2, 3)
    assert recipe.part_names == ("SA", "FitNet", "AT")
    assert parse_recipe("SA@1+2*SA@2").part_names == ("SA@1", "SA@2")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("SA", "1*SA"),
        ("sa + fitnet", "1*SA+1*FitNet"),
        (" 1e-2 * psa ( POOL = AVG )\n+\tat ", "0.01*PSA(k=2,pool=avg)+1*AT"),
        (".5*MMD(k=3)", "0.5*MMD(k=3,pool=max)"),
        ("2.*RBF(gamma=1e1,p=3)", "2*RBF(k=2,pool=max,P=3,gamma=10)"),
        ("1E+3*CA", "1000*CA"),
        ("", "none"),
        ("  ", "none"),
        ("None", "none"),
    ],
)
def test_parses(text: str, written: str) -> None:
    assert str(parse_recipe(text)) == written


def test_two_terms_of_one_kind_have_their_own_part_names() -> None:
    recipe = parse_recipe("PSA(k=2)+SA+PSA(k=4)")
    assert recipe.part_names == ("PSA(k=2,pool=max)", "SA", "PSA(k=4,pool=max)")


@pytest.mark.parametrize(
    ("text", "character", "reason"),
    [
        ("10*SAA", 4, "unknown term 'SAA', did you mean SA?; known: SA, PSA, CA"),
        ("SA+fitnett", 4, "did you mean FitNet?"),
        ("__import__('os')", 1, "unknown term '__import__'"),
        ("none+SA", 1, "unknown term 'none'"),
        ("10", 3, "expected '*', found the end"),
        ("10 SA", 4, "expected '*', found 'SA'"),
        ("10*", 4, "expected a term (SA, "),
        ("10**SA", 4, "expected a term (SA, "),
        ("+", 1, "expected a term (SA, "),
        ("SA+", 4, "found the end"),
        ("SA SA", 4, "expected '+', found 'SA'"),
        ("SA) ", 3, "expected '+', found ')'"),
        ("10*SA-AT", 6, "expected '+', found '-'"),
        ("-1*SA", 1, "a weight must be a positive number"),
        ("nan*SA", 1, "a weight must be a positive number, found 'nan'"),
        ("inf*SA", 1, "a weight must be a positive number, found 'inf'"),
        ("\u0663*SA", 1, "a weight must be a positive number"),
        ("0*SA", 1, "a weight must be a positive, finite number, found 0"),
        ("AT+1e999*SA", 4, "finite number, found 1e999"),
        ("SA(k=2)", 4, "SA has no parameter 'k'; it has positions"),
        ("PSA(q=2)", 5, "PSA has no parameter 'q'; it has k, pool"),
        ("PSA(pol=max)", 5, "did you mean pool?"),
        ("PSA()", 5, "expected a parameter (k, pool, positions), found ')'"),
        ("PSA(k=2,)", 9, "expected a parameter (k, pool, positions), found ')'"),
        ("PSA(k 2)", 7, "expected '=', found '2'"),
        ("PSA(k=)", 7, "k must be a whole number in 1..32, found ')'"),
        ("PSA(k=", 7, "found the end"),
        ("PSA(k=0)", 7, "k must be a whole number in 1..32, found '0'"),
        ("PSA(k=-3)", 7, "found '-3'"),
        ("PSA(k=2.5)", 7, "found '2.5'"),
        ("PSA(k=2", 8, "expected ',' or ')', found the end"),
        ("PSA(k=2;pool=max)", 8, "expected ',' or ')', found ';'"),
        ("PSA(k=2,k=3)", 9, "k is given twice"),
        ("PSA(pool=min)", 10, "pool must be one of max, avg, found 'min'"),
        ("RBF(gamma=nan)", 11, "gamma must be a number in 0.001..40, found 'nan'"),
        ("RBF(P=0)", 7, "P must be a whole number in 1..20"),
        ("SA+2*SA", 4, "SA is given twice"),
        ("PSA+PSA(k=2)", 5, "PSA(k=2,pool=max) is given twice"),
        ("SA@1+SA@1", 6, "SA@1 is given twice"),
        ("SA@", 4, "expected a layer, 0..3, found the end"),
        ("SA@4", 4, "expected a layer, 0..3, found '4'"),
        ("SA@1.", 4, "expected a layer, 0..3, found '1.'"),
        ("SA@1,,2", 6, "expected a layer, 0..3, found ','"),
        ("SA@1,1", 6, "layer 1 is given twice"),
        ("SA@1 2", 6, "expected '+', found '2'"),
        ("ZoomIn@1", 7, "ZoomIn compares outputs: it has no layers"),
        ("FSP@1", 4, "FSP compares at least 2 layers"),
    ],
)
def test_errors_say_what_is_wrong_and_where(text: str, character: int, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_recipe(text)
    assert str(caught.value).startswith(f"recipe {text!r}, character {character}: ")
    assert reason in str(caught.value)


def test_a_term_of_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ConfigError, match="'XX'; known: SA"):
        _ = Term(1, "XX").kind

"""Path templates: what is one, and what its variables hold."""

from __future__ import annotations

import pytest

from edge_proxy.path_template import BrokenTemplate, parse_template
from edge_proxy.route_tree import DuplicateTemplate, NoSuchPath, RouteTree, WrongMethod


def tree(*templates: str, method: str = "GET") -> RouteTree[str]:
    made: RouteTree[str] = RouteTree()
    for text in templates:
        made.add(parse_template(text), method, text)
    return made


def bound(template: str, path: str) -> dict[str, str]:
    """What each variable of the template holds."""
    _, segments = tree(template).find("GET", path)
    return {".".join(each.fields): each.value(segments) for each in parse_template(template).variables}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v1/a",
        "/v1//a",
        "/v1/{a",
        "/v1/a}",
        "/v1/{a}{b}",
        "/v1/x{a}",
        "/v1/{a}x",
        "/v1/{a=b/{c}}",
        "/v1/{}",
        "/v1/{a=}",
        "/v1/{a=/b}",
        "/v1/{1a}",
        "/v1/{a..b}",
        "/v1/a*",
        "/v1/***",
        "/v1/**/{a}",
        "/v1/{a=**}/{b=**}",
        "/v1/{a}/{a}",
        "/v1/a:",
        "/v1/a:b:c",
        "/v1/a:*",
        "/v1/a?b",
    ],
)
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(BrokenTemplate):
        parse_template(text)


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("/", "/", {}),
        ("/v1/a", "/v1/a", {}),
        ("/v1/a", "/v1/a/", {}),
        ("/v1/{id}", "/v1/5", {"id": "5"}),
        ("/v1/{id}", "/v1/5/", {"id": "5"}),
        ("/v1/{id}", "/v1/a%2Fb", {"id": "a/b"}),
        ("/v1/{id}", "/v1/a+b%20c", {"id": "a+b c"}),
        ("/v1/{id}", "/v1/%E2%82%AC", {"id": "€"}),
        ("/v1/{id}", "/v1/5:zzz", {"id": "5:zzz"}),
        ("/v1/{id}:go", "/v1/5:go", {"id": "5"}),
        ("/v1/{id}:go", "/v1/a:b:go", {"id": "a:b"}),
        ("/v1/{user.id}/x", "/v1/7/x", {"user.id": "7"}),
        ("/v1/{name=shelves/*}", "/v1/shelves/3", {"name": "shelves/3"}),
        ("/v1/{name=shelves/*/books/*}:read", "/v1/shelves/a%2Fb/books/%20:read", {"name": "shelves/a%2Fb/books/ "}),
        ("/v1/{path=**}", "/v1/a/b%2Fc/d%20e", {"path": "a/b%2Fc/d e"}),
        ("/v1/{path=files/**}", "/v1/files", {"path": "files"}),
        ("/v1/{path=files/**}/raw", "/v1/files/a/b/raw", {"path": "files/a/b"}),
        ("/v1/{a}/**/x", "/v1/1/x", {"a": "1"}),
        ("/v1/{a=**}/x/y", "/v1/1/2/x/y", {"a": "1/2"}),
    ],
)
def test_a_variable_holds_its_part_of_the_path_decoded(template: str, path: str, expected: dict[str, str]) -> None:
    assert bound(template, path) == expected


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/v1/a", "/v1/A"),
        ("/v1/a", "/v1/%61"),
        ("/v1/a", "/v1/a//"),
        ("/v1/a", "/v1"),
        ("/v1/{id}", "/v1/"),
        ("/v1/{id}/x", "/v1//x"),
        ("/v1/{id}", "/v1/a/b"),
        ("/v1/{id}:go", "/v1/5%3Ago"),
        ("/v1/{id}:go", "/v1/5:stop"),
        ("/v1/{id}:go", "/v1/:go"),
        ("/v1/{path=**}", "/v1"),
        ("/v1/{path=**}", "/v1/a//b"),
        ("/v1/{path=files/**}/raw", "/v1/raw"),
        ("/v1/a", "*"),
    ],
)
def test_another_path_is_not_found(template: str, path: str) -> None:
    with pytest.raises(NoSuchPath):
        tree(template).find("GET", path)


@pytest.mark.parametrize("path", ["/v1/%zz", "/v1/%", "/v1/%2", "/v1/%ff", "/v1/%ed%a0%80"])
def test_a_broken_escape_is_no_value(path: str) -> None:
    with pytest.raises(ValueError, match=r"%|UTF-8"):
        bound("/v1/{id}", path)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v1/users/me", "/v1/users/me"),
        ("/v1/users/5", "/v1/users/{id}"),
        ("/v1/users/me/likes", "/v1/users/{id}/likes"),
        ("/v1/users/me/posts", "/v1/users/me/posts"),
        ("/v1/users:batch", "/v1/users:batch"),
        ("/v1/users/5:ban", "/v1/users/{id}:ban"),
        ("/v1/users/5:other", "/v1/users/{id}"),
        ("/v1/users/me:ban", "/v1/users/{id}:ban"),
        ("/v1/anything/else/here", "/v1/{rest=**}"),
        ("/v1/users/5/nothing", "/v1/{rest=**}"),
        ("/v1/a/b/tail", "/v1/{rest=**}/tail"),
    ],
)
def test_literals_come_before_variables_with_a_way_back(path: str, found: str) -> None:
    routes = tree(
        "/v1/{rest=**}",
        "/v1/{rest=**}/tail",
        "/v1/users/{id}",
        "/v1/users/{id}/likes",
        "/v1/users/{id}:ban",
        "/v1/users/me",
        "/v1/users/me/posts",
        "/v1/users:batch",
    )
    assert routes.find("GET", path)[0] == found


def test_a_route_of_another_method_does_not_hide_one_that_fits() -> None:
    routes = tree("/v1/users/{id}")
    routes.add(parse_template("/v1/users/me"), "PUT", "put me")
    assert routes.find("GET", "/v1/users/me")[0] == "/v1/users/{id}"
    assert routes.find("PUT", "/v1/users/me")[0] == "put me"
    with pytest.raises(WrongMethod) as wrong:
        routes.find("POST", "/v1/users/me")
    assert wrong.value.allowed == {"GET", "PUT"}


def test_a_route_for_any_method_answers_where_no_other_does() -> None:
    routes = tree("/v1/a")
    routes.add(parse_template("/v1/a"), "*", "any")
    assert routes.find("GET", "/v1/a")[0] == "/v1/a"
    assert routes.find("BREW", "/v1/a")[0] == "any"


@pytest.mark.parametrize(
    ("first", "second"),
    [("/v1/{a}", "/v1/{b}"), ("/v1/{a}:x", "/v1/{b=*}:x"), ("/v1/{a=**}", "/v1/{b=**}"), ("/v1/a", "/v1/a")],
)
def test_two_templates_for_the_same_paths_are_refused(first: str, second: str) -> None:
    with pytest.raises(DuplicateTemplate):
        tree(first, second)


def test_a_long_path_costs_little() -> None:
    routes = tree("/v1/{a=**}/x", "/v1/{a}/{b}", "/v1/{a=**}")
    assert routes.find("GET", "/v1" + "/a" * 4000)[0] == "/v1/{a=**}"

"""The dashboard's files: who gets them, with which headers, and that they keep to what the headers allow."""

import re
from importlib.resources import files

import pytest

from ocpp_trio.backend.api.page import PAGE_PATHS, POLICY
from ocpp_trio.backend.api.shared import is_ours
from tests.operator_ground import Ground

FOLDER = files("ocpp_trio.backend") / "dashboard"
NAMES = sorted(each.name for each in FOLDER.iterdir())


@pytest.mark.parametrize("shared", [False, True])
async def test_the_page_needs_no_token_and_what_it_shows_does(autojump_clock, shared):
    ground = Ground(shared=shared)
    async with ground.running():
        page = await ground.get("/", Authorization="")
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert page.body == (FOLDER / "index.html").read_bytes()
        assert (await ground.get("/dashboard/app.js", Authorization="")).status == 200
        assert (await ground.get("/api/stations", Authorization="")).status == 401
        assert (await ground.get("/api/stations/CP-1", Authorization="")).status == 401


async def test_every_file_goes_out_with_its_type_and_under_the_policy(autojump_clock):
    types = {
        "html": "text/html; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "css": "text/css; charset=utf-8",
        "svg": "image/svg+xml",
    }
    ground = Ground()
    async with ground.running():
        for path in sorted(PAGE_PATHS):
            answer = await ground.get(path)
            name = path.rpartition("/")[2] or "index.html"
            assert answer.headers["content-type"] == types[name.rpartition(".")[2]]
            assert answer.headers["content-security-policy"] == POLICY
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cache-control"] == "no-store"
            assert answer.body == (FOLDER / name).read_bytes()


def test_the_policy_allows_only_what_is_the_pages_own():
    directives = dict(part.split(" ", 1) for part in POLICY.split("; "))

    assert directives["default-src"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"
    assert directives["require-trusted-types-for"] == "'script'"
    assert set(directives.values()) == {"'none'", "'self'", "'script'"}


def test_every_file_of_the_folder_is_served_and_no_other():
    assert sorted(path.rpartition("/")[2] or "index.html" for path in PAGE_PATHS) == NAMES


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/", "/dashboard/../page.py", "/page.py", "/index.html"])
async def test_nothing_else_is_served(autojump_clock, path):
    ground = Ground()
    async with ground.running():
        assert (await ground.get(path)).status == 404
        assert (await ground.get(path, Authorization="")).status == 401
    assert not is_ours(path)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_the_page_is_only_read(autojump_clock, method):
    ground = Ground()
    async with ground.running():
        assert (await ground.request(method, "/")).status == 405


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_short_and_neither_inline_nor_from_elsewhere_nor_markup_from_text(name):
    text = (FOLDER / name).read_text(encoding="utf-8")

    assert len(text.splitlines()) < 400
    elsewhere = [url for url in re.findall(r"https?://[^\s\"']+", text) if url != "http://www.w3.org/2000/svg"]
    assert elsewhere == []
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "style=", "onclick="):
        assert forbidden not in text
    assert re.findall(r"<(script|style)(?![^>]*src=)", text) == []

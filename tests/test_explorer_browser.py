"""The explorer in a real Chromium: from disk without a server, and alive; what is seen is what is there."""

import io
import itertools
import json
import shutil
import threading

import explorer_pages
import numpy as np
import pytest
from PIL import Image
from werkzeug.serving import make_server

from gwsim import models
from gwsim.explorer import live, pictures, points, saliency

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
# The first frame is drawn once the page's script has run.
DRAWN = "performance.getEntriesByName('drawn').length > 0"
WAIT = 20_000


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        # Root has no sandbox.
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return explorer_pages.write(tmp_path_factory.mktemp("page") / "explorer")


@pytest.fixture
def visit(browser):
    """Open addresses in fresh tabs; afterwards nothing may have gone wrong or left the machine."""
    opened, said, asked = [], [], []

    def visit(address, home="file:///"):
        page = browser.new_page(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
        page.set_default_timeout(WAIT)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("requestfailed", lambda request: said.append(f"failed: {request.url}"))
        page.on("request", lambda request: asked.append((request.url, home)))
        page.goto(address)
        page.wait_for_function(DRAWN)
        opened.append(page)
        return page

    visit.asked = asked
    yield visit
    for page in opened:
        page.close()
    assert said == []
    strangers = [url for url, home in asked if not url.startswith((home, "data:", "blob:"))]
    assert asked and strangers == []


def address(folder, fragment=""):
    return f"{(folder / 'index.html').as_uri()}#{fragment}"


def shown(page):
    return int(page.inner_text("#count").split()[0])


def fact(page, name):
    return page.inner_text(f"#facts dt:text-is('{name}') + dd")


def point(page):
    """The number of the chosen point."""
    return page.evaluate("state.chosen")


def click(page, number):
    """Click a point where the canvas shows it."""
    x, y = page.evaluate(f"[scene.sx[{number}], scene.sy[{number}]]")
    page.click("#canvas", position={"x": x, "y": y})


def seen(page):
    """The pixels of the shown picture, without its frame."""
    page.wait_for_timeout(300)  # the sheet is decoded after it has arrived
    image = Image.open(io.BytesIO(page.locator("#picture").screenshot())).convert("RGB")
    image = image.crop((2, 2, image.width - 2, image.height - 2))
    return np.asarray(image.resize((56, 56), Image.BOX), float)


def darkness(page, place):
    """How far the canvas is from white at a pixel, of 255."""
    page.wait_for_timeout(150)  # it is drawn with the next frame
    image = Image.open(io.BytesIO(page.locator("#canvas").screenshot())).convert("RGB")
    return 255 - min(image.getpixel((round(place[0]) + 1, round(place[1]) + 1)))  # its frame is a pixel wide


def own(number):
    made = Image.fromarray(pictures.drawn(explorer_pages.examples([number]), "merged")[0])
    return np.asarray(made.resize((56, 56), Image.BOX), float)


# ---- from disk


def test_it_opens_and_says_what_it_shows(visit, folder):
    page = visit(address(folder))
    assert page.title() == "glitch: paper-1: explorer"
    assert shown(page) == 40
    numbers = page.locator("#label .number").all_inner_texts()
    assert numbers == ["10"] * 4
    # Only the page's own files, and no picture before a point is looked at.
    names = [url.rpartition("/")[2].partition("#")[0] for url, _ in visit.asked if url.startswith("file:")]
    assert names == ["index.html", "page.css", "points.js", "scene.js", "page.js"]
    assert darkness(page, page.evaluate("[scene.sx[7], scene.sy[7]]")) > 90


@pytest.mark.parametrize("number", [7, 22, 38])
def test_a_click_shows_the_points_own_picture_and_facts(visit, folder, number):
    page = visit(address(folder))
    click(page, number)
    assert point(page) == number
    picture = seen(page)
    away = [np.abs(picture - own(other)).mean() for other in range(40)]
    assert int(np.argmin(away)) == number and away[number] < 6 < 20 < np.delete(away, number).min()
    row = explorer_pages.embedding().iloc[number]
    assert fact(page, "Row") == str(int(row["row"]))
    assert fact(page, "Label") == explorer_pages.CLASSES[int(row["label"])]
    assert fact(page, "Prediction") == explorer_pages.CLASSES[int(row["predicted"])]
    assert float(fact(page, "Score")) == pytest.approx(row["score"])
    assert fact(page, "Dataset") == explorer_pages.DATASETS[int(row["dataset"])]
    noise = row["label"] == 2
    assert fact(page, "SNR") == ("none" if noise else f"{8 + row['row'] / 10:.2f}")
    second = 1238236470 + int(row["row"]) + (0 if noise else 1)
    assert fact(page, "GPS time") == f"{second}.{'250' if noise else '750'} s"
    assert fact(page, "Ifo") == ("H1", "L1")[int(row["row"]) % 2]
    assert page.get_attribute("#said", "aria-live") == "polite"
    assert f"Row {int(row['row'])} of" in page.inner_text("#said")


def test_pointing_shows_a_point_and_leaving_brings_the_chosen_one_back(visit, folder):
    page = visit(address(folder))
    click(page, 7)
    box = page.locator("#canvas").bounding_box()
    x, y = page.evaluate("[scene.sx[30], scene.sy[30]]")
    page.mouse.move(box["x"] + x, box["y"] + y)
    assert fact(page, "Row") == "30" and point(page) == 7
    assert np.abs(seen(page) - own(30)).mean() < 6
    page.mouse.move(5, 5)
    assert fact(page, "Row") == "21"
    page.keyboard.press("Escape")


def test_filters_leave_the_points_that_they_say(visit, folder):
    page, table = visit(address(folder)), explorer_pages.embedding()
    wrong = (table["label"] != table["predicted"]).to_numpy()
    page.uncheck("#result label:has-text('right') input")
    assert shown(page) == wrong.sum() == 8
    page.uncheck("#dataset label:has-text('train') input")
    mine = wrong & (table["dataset"] == 1)
    assert shown(page) == mine.sum() == 4
    page.click("#label button:text-is('None')")
    assert shown(page) == 0
    page.check("#label label:has-text('Chirp') input")
    kept = np.flatnonzero(mine & (table["label"] == 1))
    assert page.evaluate("Array.from(scene.shown)") == kept.tolist() and len(kept)
    counts = [int(text) for text in page.locator("#label .number").all_inner_texts()]
    assert counts == np.bincount(table["label"][mine], minlength=4).tolist()
    page.click("#label button:text-is('All')")
    assert shown(page) == 4


def test_what_is_filtered_out_cannot_be_clicked_nor_seen(visit, folder):
    page = visit(address(folder))
    place = page.evaluate("[scene.sx[7], scene.sy[7]]")
    assert darkness(page, place) > 90
    page.uncheck("#dataset label:has-text('train') input")
    assert darkness(page, place) == 0
    page.click("#canvas", position={"x": place[0], "y": place[1]})
    assert point(page) is None


def test_an_address_opens_its_point_and_its_filters(visit, folder):
    page = visit(address(folder, "dataset=test&row=12&map=tsne&colour=result&without_label=Blip%2CChirp"))
    assert point(page) == 24 and fact(page, "Row") == "12" and fact(page, "Dataset") == "test"
    assert np.abs(seen(page) - own(24)).mean() < 6
    assert (page.input_value("#map"), page.input_value("#colour")) == ("tsne", "result")
    assert shown(page) == 20
    # What is done next stands in the address, which opens the same again.
    page.uncheck("#result label:has-text('wrong') input")
    page.keyboard.press("Tab")
    page.click("#next")
    again = visit(page.url)
    assert point(again) == point(page) != 24 and shown(again) == shown(page)
    assert page.evaluate("location.hash") == again.evaluate("location.hash")


def test_an_address_that_changes_is_followed_and_a_strange_one_is_told(visit, folder):
    page = visit(address(folder, "dataset=train&row=3"))
    assert point(page) == 1
    page.evaluate("location.hash = 'dataset=test&row=0'")
    page.wait_for_function("state.chosen === 20")
    page.evaluate("location.hash = 'dataset=test&row=1'")
    page.wait_for_function("$('said').textContent === 'Row 1 of test is not among these points.'")


def test_a_row_is_found(visit, folder):
    page = visit(address(folder))
    page.select_option("#where", label="test")
    page.fill("#row", "57")
    page.keyboard.press("Enter")
    assert point(page) == 39


def test_keys_step_through_the_shown_points_and_all_controls_are_reached(visit, folder):
    page = visit(address(folder, "without_dataset=train"))
    page.focus("#canvas")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert point(page) == 22
    page.keyboard.press("ArrowLeft")
    assert point(page) == 21
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert point(page) == 39  # around, and never one that is not shown
    yaw = page.evaluate("scene.yaw")
    page.keyboard.press("Shift+ArrowRight")
    assert page.evaluate("scene.yaw") > yaw and point(page) == 39
    page.keyboard.press("Escape")
    assert point(page) is None and page.inner_text("#said") == "No point is chosen."
    page.keyboard.press("ArrowRight")
    wanted = set(page.eval_on_selector_all(
        "button, input, select, #canvas", "all => all.map((one, i) => one.dataset.nr = String(i))"
    ))  # fmt: skip
    page.evaluate("document.activeElement.blur()")
    reached, outlined = set(), []
    for _ in range(len(wanted) + 5):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.nr"))
        outlined.append(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))
    assert wanted <= reached and outlined.count("none") <= 1  # the page itself, once


def test_neighbours_are_those_of_the_table_and_lead_on(visit, folder):
    page = visit(address(folder, "dataset=train&row=15"))
    near = explorer_pages.embedding().iloc[5][[f"near_{rank}" for rank in range(1, 9)]].astype(int)
    buttons = page.locator("#near button")
    assert buttons.count() == 8
    buttons.nth(2).click()
    assert point(page) == near["near_3"]
    assert np.abs(seen(page) - own(near["near_3"])).mean() < 6


def test_a_map_lies_over_its_picture_and_a_missing_one_is_told(visit, folder):
    page = visit(address(folder, "dataset=train&row=9"))
    page.wait_for_function("$('map-told').textContent === 'score_cam for Whistle'")
    page.evaluate("$('strength').value = 100; $('strength').dispatchEvent(new Event('input'))")
    picture = seen(page)
    corner, rest = picture[:7, -7:], picture[20:]
    assert corner[1:-2, 2:-1].mean() > 150 and rest.mean() < 3  # white on black: the map of point 3
    page.click("#next")
    page.wait_for_function("$('map-told').textContent === 'Map for Blip: not computed'")
    assert np.abs(seen(page) - own(4)).mean() < 6


def test_maps_of_other_classes_can_be_chosen(visit, folder):
    page = visit(address(folder, "dataset=test&row=3"))
    page.wait_for_function("$('map-told').textContent === 'score_cam for Chirp'")
    assert page.locator("#target option").all_inner_texts() == ["Chirp", "noise"]
    page.select_option("#target", label="noise")
    page.wait_for_function("$('map-told').textContent === 'score_cam for noise'")
    page.evaluate("$('strength').value = 100; $('strength').dispatchEvent(new Event('input'))")
    assert seen(page).mean() > 250
    assert "target=noise" in page.evaluate("location.hash")


def test_a_name_that_is_pointed_at_stands_out(visit, folder):
    page = visit(address(folder))
    place = page.evaluate("[scene.sx[7], scene.sy[7]]")
    before = darkness(page, place)
    page.hover("#label label:has-text('Blip')")
    assert darkness(page, place) < before / 4
    page.hover("#label label:has-text('Whistle')")
    assert darkness(page, place) == before > 90


def test_classes_differ_in_shape_as_well_as_colour(visit, folder):
    page = visit(address(folder))
    looks = page.evaluate("Array.from({length: 30}, (_, place) => look('label', place))")
    assert len({(one["colour"], one["shape"]) for one in looks}) == 30
    assert all(one["shape"] != other["shape"] for one, other in itertools.pairwise(looks))


def test_shown_points_are_saved_as_a_table(visit, folder):
    page = visit(address(folder, "without_dataset=train"))
    with page.expect_download() as waiting:
        page.click("#export")
    lines = waiting.value.path().read_text().splitlines()
    assert len(lines) == 21 and lines[0].startswith("dataset,row,label,predicted,score,snr,gps_second")
    assert lines[2].startswith("test,3,Chirp,Chirp,")
    row = dict(zip(lines[0].split(","), lines[3].split(","), strict=True))
    assert row["snr"] == "" and float(row["umap3_z"]) == 11


def test_turning_moving_and_zooming_keep_the_map_in_hand(visit, folder):
    page = visit(address(folder))
    before = page.evaluate("[scene.sx[39], scene.sy[39]]")
    box = page.locator("#canvas").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 80, middle[1] + 30)
    page.mouse.up()
    page.wait_for_timeout(100)
    assert page.evaluate("[scene.sx[39], scene.sy[39]]") != before and point(page) is None
    click(page, 39)  # what is clicked is what is drawn, however the map is turned
    assert point(page) == 39
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(100)
    assert page.evaluate("scene.zoom") > 1.5
    page.click("#reset")
    page.wait_for_timeout(100)
    np.testing.assert_allclose(page.evaluate("[scene.sx[39], scene.sy[39]]"), before, atol=1e-3)


# ---- alive


@pytest.fixture(scope="module")
def alive(folder):
    """The page from a server, with a network that has learnt nothing."""
    model = models.build("ccsn_cnn", (1, explorer_pages.SIDE, explorer_pages.SIDE), 4, 1).eval()
    answers = live.Answers(model, explorer_pages.examples, 40, explorer_pages.CLASSES, "softmax", (1, 1))
    point_of = points.places(explorer_pages.embedding(), explorer_pages.DATASETS)
    # Maps as large as the folder's, one brightness a class.
    brightness = [np.full((7, 7), 60 * place + 15, np.uint8) for place in range(4)]
    made = [saliency.Map(place, live.METHOD, cells) for place, cells in enumerate(brightness)]
    answers.maps = lambda point: made
    server = make_server("127.0.0.1", 0, live.application(folder, answers, point_of).server, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.port}/", answers
    server.shutdown()


def test_a_map_is_made_on_demand_and_only_this_machine_is_asked(visit, alive):
    home, answers = alive
    page = visit(f"{home}#dataset=train&row=12", home)
    page.wait_for_function("$('map-told').textContent === 'score_cam for Blip'")
    assert page.locator("#target option").all_inner_texts() == explorer_pages.CLASSES
    before = seen(page).mean()
    page.select_option("#target", label="Whistle")
    page.wait_for_function("$('map-told').textContent === 'score_cam for Whistle'")
    assert seen(page).mean() > before + 20
    assert len([url for url, _ in visit.asked if "/map?" in url]) == 1  # all classes at once, and kept
    page.wait_for_selector("#scores td")
    cells = page.locator("#scores td").all_inner_texts()
    scores = answers.scores(4)
    best = int(scores.argmax())
    assert cells[:2] == [explorer_pages.CLASSES[best], f"{scores[best]:.4f}"] and len(cells) == 8
    page.click("#next")
    page.wait_for_function("$('map-told').textContent.startsWith('score_cam for')")
    second = answers.scores(5)
    page.wait_for_function(f"$('scores').innerText.includes('{second.max():.4f}')")


def test_a_map_that_fails_says_so(browser, alive):
    home, _ = alive
    page = browser.new_page()
    page.set_default_timeout(WAIT)
    refused = {"status": 404, "body": json.dumps({"error": "no such point"})}
    page.route("**/map?*", lambda route: route.fulfill(**refused))
    page.goto(f"{home}#dataset=train&row=12")
    page.wait_for_function("$('map-told').textContent === 'The map could not be computed: no such point'")
    page.close()

"""What the page is told of an attack is what the victim was asked, no more and no less; a replay asks nothing."""

import base64
import io
import re

import numpy as np
import pytest
from page_known import EVIL, NAMES, SHAPES, catalogue, opened, order, seen, values, watched
from PIL import Image

AGENTS = ("credit", "greedy", "simba", "one-pixel")


@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("agent", AGENTS)
def test_the_stream_adds_up_to_the_ledger(client, offered, rank, agent):
    begun, *steps, ended = watched(client, rank=rank, agent=agent)
    assert (begun[0], ended[0]) == ("begun", "end")
    assert all(kind == "step" for kind, _ in steps)
    paid = [step["queries"] for _, step in steps]
    assert paid == sorted(paid)
    assert paid[0] == 1, "the clean look is the first query"
    assert sum(step["asked"] for _, step in steps) == paid[-1] == ended[1]["queries"] == seen(offered, rank)
    assert client.post("/api/hello").json()["limits"]["spent"] == seen(offered, rank)


def test_a_flip_is_told_where_it_happens_and_refined_after(client):
    _, *steps, (_, ended) = watched(client, budget=200, refine=30)
    assert ended["outcome"] == "flipped"
    flips = [step for _, step in steps if step["flipped"]]
    assert flips[0]["queries"] == flips[0]["flipped"]
    assert flips[0]["top"][0][3] != flips[0]["reference"]
    assert ended["refined"] == ended["queries"] - flips[0]["flipped"] <= 30
    distances = [step["l2"] for step in flips]
    assert distances == sorted(distances, reverse=True)


def test_an_attack_that_fails_says_so_with_what_it_spent(client):
    _, *steps, (_, ended) = watched(client, budget=2, refine=0)
    assert ended["outcome"] == "unmoved"
    assert ended["queries"] == len(steps) == 2


@pytest.mark.parametrize("rank", SHAPES)
def test_every_rank_has_its_pictures_and_its_map(client, rank):
    (_, begun), *steps, (_, ended) = watched(client, rank=rank)
    kept = [step for _, step in steps if step["kept"]]
    assert kept
    assert all(("shown" in step) == step["kept"] for _, step in steps)
    assert begun["rank"] == rank
    places = np.frombuffer(base64.b64decode(ended["map"]["values"]), np.int8)
    assert places.size == np.prod(ended["map"]["shape"])
    assert np.abs(places.astype(int)).max() == 127
    assert ended["map"]["answers"] == sum(step["asked"] for _, step in steps) - 1
    assert all(step["shown"]["factor"] >= 1 for step in kept)


def test_a_signal_is_told_in_its_own_values(client, offered):
    (_, begun), *steps, _ = watched(client, rank=1)
    clean = offered.sets["signal"].samples[1]
    assert np.array_equal(values(begun["shown"]), clean)
    last = [step["shown"] for _, step in steps if step["kept"]][-1]
    assert np.allclose(values(last["modified"]) - clean, values(last["change"]), atol=1e-6)


def test_a_picture_is_told_pixel_by_pixel(client, offered):
    (_, begun), *_ = watched(client, rank=2)
    image = Image.open(io.BytesIO(base64.b64decode(begun["shown"]["url"].partition(",")[2])))
    assert np.array_equal(np.asarray(image), np.rint(offered.sets["picture"].samples[1][0] * 255).astype(np.uint8))


def test_the_distortion_is_amplified_by_the_factor_that_is_stated(client):
    (_, begun), *steps, _ = watched(client, rank=2, max_l2=0.4)
    last = [step["shown"] for _, step in steps if step["kept"]][-1]
    pixels = [_pixels(one).astype(float) / 255 for one in (begun["shown"], last["modified"], last["change"])]
    assert last["factor"] > 1
    assert np.abs(0.5 + last["factor"] * (pixels[1] - pixels[0]) - pixels[2]).max() < (last["factor"] + 1) / 255


def _pixels(shown):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(shown["url"].partition(",")[2]))))


@pytest.mark.parametrize("rank", SHAPES)
def test_a_replay_costs_no_query(client, offered, rank):
    (_, begun), *_ = watched(client, rank=rank)
    before = seen(offered, rank)
    gif = client.get(f"/api/attacks/{begun['id']}/replay.gif")
    page = client.get(f"/api/attacks/{begun['id']}/replay.html")
    assert (gif.status_code, page.status_code) == (200, 200)
    assert Image.open(io.BytesIO(gif.content)).n_frames > 1
    assert "attachment" in page.headers["content-disposition"]
    assert seen(offered, rank) == before


def test_a_saved_page_holds_no_markup_of_others_and_reaches_for_nothing(client):
    (_, begun), *_ = watched(client)
    page = client.get(f"/api/attacks/{begun['id']}/replay.html").text
    assert EVIL not in page
    assert "\\u003cimg src=x" in page
    assert not re.search(r"""(?:src|href)=["']?(?:https?:|//|/)""", page)
    assert "default-src 'none'" in page
    assert len(re.findall(r"<script", page)) == 2


def test_a_full_recording_says_that_it_is_thinned():
    visitor = opened(catalogue())
    object.__setattr__(visitor.app.state.clients.limits, "record_mb", 0.01)
    (_, begun), *steps, _ = watched(visitor, rank=3)
    pictures = sum(step["kept"] for _, step in steps)
    page = visitor.get(f"/api/attacks/{begun['id']}/replay.html").text
    assert "recording was full" in page
    assert 0 < page.count('"factor":') < pictures
    assert page.count('"queries":') == len(steps) + 1, "every figure is still there"
    assert visitor.get(f"/api/attacks/{begun['id']}/replay.gif").status_code == 200


class Breaks:
    """Answers so many times and then raises."""

    def __init__(self, victim, after):
        self._victim, self._left = victim, after
        self.shape, self.classes, self.bounds = victim.shape, victim.classes, victim.bounds

    @property
    def seen(self):
        return self._victim.seen

    def predict(self, batch):
        self._left -= 1
        answers = self._victim.predict(batch)
        if self._left < 0:
            raise RuntimeError("out of memory")
        return answers


def test_a_victim_that_breaks_ends_the_attack_with_its_words_and_all_queries(offered):
    offer = offered.offers["picture"]
    broken = Breaks(offer.victim, 5)
    offered.offers["picture"] = type(offer)("picture", "", broken, "", offer.class_names)
    visitor = opened(offered)
    *_, (_, ended) = watched(visitor)
    assert ended["outcome"] == "error"
    assert "out of memory" in ended["words"]
    assert ended["queries"] == broken.seen == 6
    assert not visitor.app.state.clients.running


def test_the_same_order_is_the_same_attack(client):
    first, second = (watched(client, seed=3) for _ in range(2))
    assert [data.get("l2") for _, data in first] == [data.get("l2") for _, data in second]


def test_what_does_not_go_together_is_said_before_the_first_query(client, offered):
    answer = client.post("/api/attacks", json=order(agent="square"))
    assert answer.status_code == 422
    assert "max_l2" in answer.json()["error"]
    assert seen(offered) == 0
    assert client.post("/api/attacks", json=order(patch="0")).status_code == 422


def test_an_upload_is_attacked_like_any_sample(client, offered):
    file = io.BytesIO()
    np.savez(file, x=offered.sets["picture"].samples[:1])
    got = client.post("/api/uploads", data={"victim": "picture"}, files={"files": ("x.npz", file.getvalue())}).json()
    (_, begun), *_, (_, ended) = watched(client, set=None, upload=got["upload"])
    assert begun["sample"] == "x.npz"
    assert ended["queries"] == seen(offered)


@pytest.mark.parametrize("rank", SHAPES)
def test_victims_are_offered_with_what_fits_them(client, rank):
    found = client.get(f"/api/victims/{NAMES[rank]}").json()
    filters = {one["name"] for one in found["filters"]}
    assert ("frame-drop" in filters) == (rank == 3)
    assert ("baseline-wander" in filters) == (rank == 1)
    assert [one["name"] for one in found["sets"]] == [NAMES[rank]]
    assert ("pixle" in {one["name"] for one in found["agents"]}) == (rank == 2)

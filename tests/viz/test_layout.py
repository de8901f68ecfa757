"""Our own layout: nothing overlaps, arrows join their boxes and run through none, frames hold their own; its SVG."""

import itertools
from xml.etree import ElementTree

import numpy as np
import pytest

import minitorch as mt
from minitorch.viz.layout import Rect, laid_out
from minitorch.viz.layout.metrics import text_width
from minitorch.viz.levels import picture_of
from minitorch.viz.picture import Arrow, Box, Picture
from minitorch.viz.subject import graph_of
from minitorch.viz.svg import to_svg


def step(widths, loss=mt.mse_loss, **options):
    x, y = mt.placeholder("x", ("batch", 2)), mt.placeholder("y", ("batch", widths[-1]))
    model = mt.nn.MLP(2, widths, seed=0)
    value = loss(model(x), y)
    return mt.compile([x, y], value, updates=mt.optim.SGD(model.parameters(), lr=0.1, **options).minimize(value))


def branches():
    x = mt.placeholder("x", ("n",))
    with mt.scope("left"):
        a = mt.tanh(x)
    with mt.scope("right"):
        b = mt.exp(a) + mt.sin(x)
    with mt.scope("left"):  # left and entered again
        c = b * a
    return c + x


def lattice(width=8, depth=25):
    row = [mt.placeholder(f"x{i}", ()) for i in range(width)]
    for d in range(depth):
        row = [mt.tanh(row[i] + row[(i + 1 + d) % width]) for i in range(width)]
    return row


SUBJECTS = {
    "step": step([4, 1]), "momentum": step([4, 4, 1], momentum=0.9), "deep": step([2] * 12),
    "tensor": mt.tanh(mt.placeholder("x", ())), "alone": mt.Graph([mt.constant(2.5)]), "branches": branches(),
    "neuron": mt.nn.Layer(3, 2, seed=0).neurons[1], "lattice": lattice(),
}  # fmt: skip


@pytest.fixture(params=[(name, level) for name in SUBJECTS for level in ("op", "layer")], ids="-".join)
def placed(request):
    name, level = request.param
    picture = picture_of(graph_of(SUBJECTS[name]), level)
    return picture, laid_out(picture)


def inside(inner, outer, slack=0.01):
    return (
        inner.x >= outer.x - slack and inner.y >= outer.y - slack
        and inner.x + inner.width <= outer.x + outer.width + slack
        and inner.y + inner.height <= outer.y + outer.height + slack
    )  # fmt: skip


def overlap(a, b):
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def test_no_two_boxes_overlap_and_all_are_in_the_picture(placed):
    _, layout = placed
    assert not [pair for pair in itertools.combinations(layout.boxes, 2) if overlap(*pair)]
    for box in layout.boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= layout.width
        assert box.y + box.height <= layout.height


def test_frames_hold_their_boxes_and_no_others(placed):
    picture, layout = placed
    for frame in layout.frames:
        for box, rect in zip(picture.boxes, layout.boxes, strict=True):
            mine = box.home[: len(frame.path)] == frame.path
            assert inside(rect, frame.rect) if mine else not overlap(rect, frame.rect)


def test_arrows_join_the_borders_of_their_boxes(placed):
    picture, layout = placed
    for arrow, points in zip(picture.arrows, layout.arrows, strict=True):
        for (x, y), box in ((points[0], layout.boxes[arrow.source]), (points[-1], layout.boxes[arrow.target])):
            assert box.x - 0.01 <= x <= box.x + box.width + 0.01
            assert box.y - 0.01 <= y <= box.y + box.height + 0.01
            assert min(abs(x - box.x), abs(x - box.x - box.width), abs(y - box.y), abs(y - box.y - box.height)) < 0.01


def curve(a, b, count=16):
    """Points of a line that leaves and arrives upright, without its ends."""
    for i in range(1, count):
        t = i / count
        bend = t if a[0] == b[0] or a[1] == b[1] else t * t * (3 - 2 * t)
        fall = t if bend == t else (a[1] != b[1]) * (1.5 * t * (1 - t) ** 2 + 1.5 * t * t * (1 - t) + t**3)
        yield a[0] + (b[0] - a[0]) * bend, a[1] + (b[1] - a[1]) * fall


def test_no_arrow_runs_through_a_box(placed):
    _, layout = placed
    for points in layout.arrows:
        for x, y in (p for a, b in itertools.pairwise(points) for p in curve(a, b)):
            for box in layout.boxes:
                within = box.x + 0.1 < x < box.x + box.width - 0.1 and box.y + 0.1 < y < box.y + box.height - 0.1
                assert not within


def test_forward_goes_down_and_gradients_climb():
    picture = picture_of(graph_of(SUBJECTS["momentum"]), "op")
    layout = laid_out(picture)
    checked = 0
    for arrow in picture.arrows:
        source, target = picture.boxes[arrow.source], picture.boxes[arrow.target]
        if source.role == target.role and source.role in ("forward", "gradient"):
            a, b = layout.boxes[arrow.source], layout.boxes[arrow.target]
            checked += 1
            assert (a.y < b.y) is (source.role == "forward")
    assert checked > 10


def test_a_parameter_stands_beside_what_reads_it():
    picture = picture_of(graph_of(SUBJECTS["step"]), "op")
    layout = laid_out(picture)
    pairs = [(a.source, a.target) for a in picture.arrows if a.role == "forward"
             and picture.boxes[a.source].role == "parameter"]  # fmt: skip
    assert len(pairs) == 4
    for source, target in pairs:
        a, b = layout.boxes[source], layout.boxes[target]
        assert a.y + a.height / 2 == pytest.approx(b.y + b.height / 2)


def test_units_stand_in_their_order():
    for subject in (mt.nn.MLP(12, [9, 5], seed=0), mt.nn.Neuron(5, seed=0)):
        picture = picture_of(graph_of(subject), "neuron")
        layout = laid_out(picture)
        rows = [row for row in picture.rows if len(row) > 4]
        assert len(rows) >= 2
        for row in rows:
            places = [layout.boxes[i] for i in row]
            assert [place.x for place in places] == sorted(place.x for place in places)
            assert len({place.y + place.height / 2 for place in places}) == 1


def test_a_forward_chain_is_one_straight_column():
    picture = picture_of(graph_of(mt.nn.MLP(2, [16, 16, 1], seed=0)), "op")
    layout = laid_out(picture)
    middles = [r.x + r.width / 2 for b, r in zip(picture.boxes, layout.boxes, strict=True) if b.role == "forward"]
    assert len(middles) == 8
    assert max(middles) - min(middles) < 0.01


def test_labels_of_weights_do_not_cover_each_other():
    x, model = mt.placeholder("x", ("batch", 2)), mt.nn.MLP(2, [4, 3, 1], seed=0)
    root, _ = parts(picture_of(graph_of(model(x)), "neuron", inputs=np.ones((1, 2))))
    labels = root.findall(".//{*}g[@class='edge flow']/{*}text")
    assert len(labels) == 2 * 4 + 4 * 3 + 3
    rects = []
    for e in labels:
        width = text_width(e.text, 8)
        rects.append(Rect(float(e.get("x")) - width / 2, float(e.get("y")) - 6, width, 6))
    assert not [pair for pair in itertools.combinations(rects, 2) if overlap(*pair)]


def test_a_tall_parameter_is_joined_straight_to_what_it_stands_beside():
    boxes = (Box("+", "forward", details=("a",) * 6), Box("b", "parameter", details=("b",) * 5), Box("s", "forward"))
    arrows = (Arrow(2, 0, "forward"), Arrow(1, 0, "forward"))
    layout = laid_out(Picture("p", boxes, arrows))
    assert len(layout.arrows[1]) == 2
    assert layout.arrows[1][0][1] == layout.arrows[1][1][1]


@pytest.mark.parametrize("level", ["op", "layer"])
@pytest.mark.parametrize("name", ["step", "deep", "momentum", "branches"])
def test_no_upright_line_runs_through_the_name_of_a_frame(name, level):
    picture = picture_of(graph_of(SUBJECTS[name]), level)
    root, _ = parts(picture)
    names = [e for e in root.iter() if e.get("class") == "module"]
    assert names or level == "layer"
    pieces = [piece for points in laid_out(picture).arrows for piece in itertools.pairwise(points)]
    for e in names:
        left, line = float(e.get("x")), float(e.get("y"))
        for (a, b), (c, d) in pieces:
            through = left < a < left + text_width(e.text, 10) and min(b, d) < line - 4 < max(b, d)
            assert not (a == c and through)


@pytest.mark.parametrize(("role", "above", "below"), [("parameter", 8, 0), ("placeholder", 0, 6), ("update", 6, 0)])
def test_text_stands_clear_of_the_cap_or_roof_of_its_shape(role, above, below):
    picture = Picture("p", (Box("w", role, details=("f32[3]",)),), ())
    rect = laid_out(picture).boxes[0]
    _, by_id = parts(picture)
    title, detail = (float(e.get("y")) for e in by_id["n0"].iterfind("{*}text"))
    assert title - 8 > rect.y + above  # capitals are 8 high
    assert detail + 2 < rect.y + rect.height - below


def test_a_chain_of_ten_thousand():
    boxes = tuple(Box("tanh", "forward") for _ in range(10_000))
    arrows = tuple(Arrow(i, i + 1, "forward") for i in range(9_999))
    layout = laid_out(Picture("chain", boxes, arrows))
    tops = [box.y for box in layout.boxes]
    assert tops == sorted(tops)
    assert {round(box.x, 3) for box in layout.boxes} == {round(layout.boxes[0].x, 3)}


def test_arrows_in_a_circle_are_laid_out():
    boxes = tuple(Box(f"b{i}", "forward") for i in range(3))
    layout = laid_out(Picture("circle", boxes, tuple(Arrow(i, (i + 1) % 3, "forward") for i in range(3))))
    assert not [pair for pair in itertools.combinations(layout.boxes, 2) if overlap(*pair)]


def test_text_is_as_wide_as_its_characters():
    assert text_width("iiii") < text_width("aaaa") < text_width("WWWW") < text_width("漢漢漢漢") * 1.01
    assert text_width("tanh", 20) == pytest.approx(2 * text_width("tanh", 10))


# ---- the SVG ----


def parts(picture, **options):
    root = ElementTree.fromstring(to_svg(picture, **options).encode())
    return root, {e.get("id"): e for e in root.iter() if e.get("id")}


def test_nodes_edges_and_frames_have_ids_and_notes():
    picture = picture_of(graph_of(SUBJECTS["step"]), "op")
    root, by_id = parts(picture)
    for i, box in enumerate(picture.boxes):
        node = by_id[f"n{i}"]
        assert node.get("data-role") == box.role
        assert box.role in node.get("class").split()
        assert node.find("{*}title").text == box.note
    for i, arrow in enumerate(picture.arrows):
        edge = by_id[f"e{i}"]
        assert (edge.get("data-source"), edge.get("data-target")) == (str(arrow.source), str(arrow.target))
    frames = {e.find("{*}title").text for i, e in by_id.items() if i[0] == "f"}
    assert frames == {"mlp", "mlp/layers.0", "mlp/layers.1"}
    assert {e.text for e in root.iter() if e.get("class") == "module"} == {"mlp", "layers.0", "layers.1"}


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"]]>', "&amp;", "'\"", "été 漢字", "</style>", "a\x00b"]
)
def test_names_are_shown_as_they_are(name):
    with mt.scope(name.replace("/", "|")):
        t = mt.tanh(mt.placeholder(name, ("n",)))
    root, _ = parts(picture_of(mt.Graph([t], name=name), "op"))
    texts = {"".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert name.replace("\x00", r"\x00") in texts
    assert "script" not in {element.tag.split("}")[1] for element in root.iter()}


def test_one_file_is_light_and_dark_unless_told():
    picture = picture_of(graph_of(SUBJECTS["tensor"]), "op")
    assert "prefers-color-scheme:dark" in to_svg(picture)
    assert "prefers-color-scheme" not in to_svg(picture, "dark")
    assert to_svg(picture, "dark") != to_svg(picture, "light")


def test_the_same_graph_gives_the_same_text():
    assert to_svg(picture_of(graph_of(step([4, 1])), "op")) == to_svg(picture_of(graph_of(step([4, 1])), "op"))

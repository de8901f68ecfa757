"""The Graphviz graph of a picture: read back by pygraphviz and compared with the graph it was drawn from."""

import itertools
import re

import graphviz
import networkx as nx
import numpy as np
import pytest

import minitorch as mt
from minitorch.viz import to_graphviz
from minitorch.viz.style import LIGHT, THEMES, colours

pygraphviz = pytest.importorskip("pygraphviz")


class Read:
    """What a DOT text says, in terms of the graph's own labels, with arrows that are drawn backwards turned round."""

    def __init__(self, digraph):
        self.dot = pygraphviz.AGraph(string=digraph.source)
        self.name = {n: n.attr["tooltip"].split(": ")[0] for n in self.dot.nodes()}
        self.node = {name: n for n, name in self.name.items()}
        self.arrows = []
        for edge in self.dot.edges():
            a, b = reversed(edge) if edge.attr["dir"] == "back" else edge
            self.arrows.append((self.name[a], self.name[b], edge.attr))

    def flow(self):
        return {(a, b) for a, b, attr in self.arrows if attr["style"] != "dashed"}

    def frames(self):
        """For each node the labels of the frames around it, outermost first."""
        found = {n: [] for n in self.dot.nodes()}
        stack = [(self.dot, [])]
        while stack:
            graph, path = stack.pop()
            stack.extend((inner, [*path, inner.graph_attr["label"]]) for inner in graph.subgraphs())
            for n in graph.nodes():
                found[n] = max(found[n], path, key=len)
        return {self.name[n]: "/".join(path) for n, path in found.items()}


def training_step(**options):
    x, y = mt.placeholder("x", ("batch", 2)), mt.placeholder("y", ("batch", 1))
    model = mt.nn.MLP(2, [4, 4, 1], seed=0)
    loss = mt.mse_loss(model(x), y)
    sgd = mt.optim.SGD(model.parameters(), lr=0.1, **options)
    return mt.compile([x, y], loss, updates=sgd.minimize(loss), name="step")


@pytest.fixture(scope="module")
def step():
    return training_step()


def inlined(node):
    return node.op.name == "constant" and node.shape == ()


@pytest.mark.parametrize("which", ["graph", "traced"])
def test_boxes_and_arrows_are_those_of_the_graph(step, which):
    graph = getattr(step, which)
    labels = graph.labels()
    read = Read(to_graphviz(graph))
    assert set(read.node) == {labels[n] for n in graph.nodes if not inlined(n)}
    assert read.flow() == {(labels[i], labels[n]) for n in graph.nodes for i in n.inputs if not inlined(i)}
    assert nx.is_directed_acyclic_graph(nx.DiGraph(list(read.flow())))


def test_edges_carry_the_type_of_their_source(step):
    graph, read = step.optimised, Read(step.to_graphviz())
    types = {label: str(node.type) for node, label in graph.labels().items()}
    assert all(attr["label"].strip() == types[a] for a, _, attr in read.arrows if attr["style"] != "dashed")


def test_updates_lead_dashed_from_the_new_value_to_the_parameter(step):
    labels, read = step.optimised.labels(), Read(step.to_graphviz())
    dashed = {(a, b) for a, b, attr in read.arrows if attr["style"] == "dashed"}
    assert dashed == {(labels[value], labels[target]) for target, value in step.optimised.updates}


def test_an_update_to_a_parameter_that_nothing_reads_is_drawn():
    a, x = mt.parameter(1.0, name="a"), mt.placeholder("x", ())
    read = Read(to_graphviz(mt.Graph([], [(a, x * 2.0)])))
    assert [(p, q) for p, q, attr in read.arrows if attr["style"] == "dashed"] == [("%1", "a")]


def test_an_input_that_nothing_reads_is_drawn():
    x, y = mt.placeholder("x", ()), mt.placeholder("y", ())
    assert set(Read(mt.compile([x, y], mt.exp(x)).to_graphviz()).node) == {"x", "y", "%0"}


def test_roles_differ_in_colour_and_in_shape(step):
    graph, read = step.optimised, Read(step.to_graphviz())
    looks = {}
    for node, label in graph.labels().items():
        if not inlined(node):
            attr = read.node[label].attr
            looks.setdefault(node.role, set()).add((attr["color"], attr["fillcolor"], attr["shape"]))
    array = Read(to_graphviz(mt.placeholder("x", (9,)) * np.arange(9.0)))
    looks["constant"] = {tuple(array.node["%0"].attr[k] for k in ("color", "fillcolor", "shape"))}
    assert set(looks) == {"placeholder", "parameter", "constant", "forward", "gradient", "update"}
    assert all(len(found) == 1 for found in looks.values())
    for column in zip(*(found.pop() for found in looks.values()), strict=True):
        assert len(set(column)) == 6


def _linear(colour):
    s = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_text_has_the_contrast_that_wcag_asks_for(theme):
    def contrast(a, b):
        dark, light = sorted(_linear(colour) @ [0.2126, 0.7152, 0.0722] for colour in (a, b))
        return (light + 0.05) / (dark + 0.05)

    fills = [theme.paper, theme.frame_fill, *theme.sections.values(), *(look.fill for look in theme.looks.values())]
    assert min(contrast(fill, theme.ink) for fill in fills) > 7
    assert min(contrast(fill, theme.quiet_ink) for fill in fills) > 4.5
    assert contrast(theme.edge, theme.paper) > 3


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_a_colour_stands_for_one_thing(theme):
    assert len(set(colours(theme))) == len(colours(theme)) == len(colours(LIGHT))


# Machado, Oliveira and Fernandes 2009: full protanopia and deuteranopia
PROTAN = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
DEUTAN = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]


def _lab(linear):
    x = np.array(XYZ) @ np.clip(linear, 0, 1) / [0.95047, 1, 1.08883]
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("sight", [np.eye(3), PROTAN, DEUTAN], ids=["full", "protanopia", "deuteranopia"])
@pytest.mark.parametrize(("part", "least"), [("line", 15), ("fill", 4.5)])  # 2.3 is just noticeable
def test_roles_stay_apart_for_colour_blind_readers(part, least, sight, theme):
    seen = [_lab(np.array(sight) @ _linear(getattr(look, part))) for look in theme.looks.values()]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > least


def test_frames_are_scopes_and_in_them_gradients_and_updates(step):
    graph, frames = step.optimised, Read(step.to_graphviz()).frames()
    labels = graph.labels()
    for node in graph.nodes:
        if node.role == "forward":
            assert frames[labels[node]] == node.scope
    assert frames["layers.1.weight"] == "mlp/layers.1"
    assert frames["x"] == frames["y"] == ""
    for target, value in graph.updates:
        assert frames[labels[value]] == f"{frames[labels[target]]}/update"
    gradient = next(labels[n] for n in graph.nodes if n.role == "gradient" and n.op.name == "square")
    assert re.fullmatch(r"mlp/layers\.\d/gradient", frames[gradient])


def test_titles_leave_out_the_frame_they_stand_in(step):
    read = Read(step.to_graphviz())
    assert read.node["layers.1.weight"].attr["label"].startswith("<B>weight</B>")


def test_the_buffers_of_an_optimiser_stand_with_their_parameter():
    frames = Read(training_step(momentum=0.9).to_graphviz()).frames()
    assert frames["layers.2.bias.velocity"] == "mlp/layers.2"


def test_a_learning_rate_stands_dashed_in_each_scope_that_reads_it(step):
    read = Read(step.to_graphviz())
    copies = [n for n, name in read.name.items() if name == "lr"]
    assert len(copies) == 3
    assert all("dashed" in n.attr["style"] for n in copies)
    single = mt.parameter(1.0, name="w")
    updates = mt.optim.SGD([single], lr=0.1).minimize(single * single)
    alone = Read(mt.compile([], single * single, updates=updates).to_graphviz())
    assert "dashed" not in alone.node["lr"].attr["style"]


def test_outputs_are_marked(step):
    read, labels = Read(step.to_graphviz()), step.optimised.labels()
    marked = {name for n, name in read.name.items() if n.attr["peripheries"] == "2"}
    assert marked == {labels[t] for t in step.optimised.outputs}
    assert all("output" in read.node[name].attr["label"] for name in marked)


def test_scalar_constants_stand_in_what_reads_them():
    x = mt.placeholder("x", ("n",))
    read = Read(to_graphviz(1.0 - x))
    assert set(read.node) == {"x", "%1"}
    assert read.node["%1"].attr["label"].startswith("<B>subtract</B>(1.0, ·)<BR/>")


def test_a_constant_that_is_asked_for_has_a_box():
    read = Read(to_graphviz(mt.Graph([mt.constant(2.5)])))
    assert read.node["%0"].attr["label"].startswith("<B>2.5</B>")


def test_attributes_are_shown_but_for_what_is_off():
    x = mt.placeholder("x", ("n", 3))
    source = to_graphviz(x.sum(axis=1)).source
    assert re.search(r"<B>sum</B><BR/><FONT[^>]*>axis=\(1,\)</FONT>", source)


def test_hovering_tells_the_line_of_the_listing_and_of_the_user(step):
    tooltip = r'tooltip="%\d+: f32\[batch, 4\] = tanh\(%\d+\)\\ntest_graphviz.py:\d+  mlp/layers.0"'
    assert re.search(tooltip, step.to_graphviz().source)


def test_a_picture_holds_no_address_in_memory(added_rows):
    op = mt.Op(
        "with_object", infer=lambda x, what: x, kernel=lambda x, what, out=None: x, gradient=None, elementwise=True
    )
    x = mt.placeholder("x", ())
    first, second = (to_graphviz(op(x, what=object())).source for _ in range(2))
    assert "with_object" in first
    assert first.replace("\n", "") == second.replace("\n", "")
    assert "0x" not in first


def test_it_is_a_digraph_of_the_graphviz_package(step):
    assert isinstance(step.to_graphviz(), graphviz.Digraph)
    assert isinstance(mt.Graph([mt.exp(mt.placeholder("x", ()))]).to_graphviz(), graphviz.Digraph)


# ---- the level of layers ----


def test_layers_are_one_box_for_each_phase(step):
    read = Read(step.to_graphviz(level="layer"))
    titles = sorted(n.attr["label"].split("</B>")[0][3:] + " " + n.attr["shape"] for n in read.dot.nodes())
    assert [t for t in titles if t.startswith("layers.1")] == ["layers.1 box", "layers.1 hexagon", "layers.1 house"]
    box = next(n for n in read.dot.nodes() if n.attr["label"].startswith("<B>layers.1<") and n.attr["shape"] == "box")
    assert all(word in box.attr["label"] for word in ("matmul, add, tanh", "weight f32[4, 4]", "bias f32[4]"))
    dashed = [(a, b) for a, b, attr in read.arrows if attr["style"] == "dashed"]
    assert len(dashed) == 3


def test_layers_keep_what_is_in_no_scope_and_have_fewer_arrows(step):
    layer, op = (Read(step.to_graphviz(level=level)) for level in ("layer", "op"))
    assert {"x", "y"} <= set(layer.node)
    assert 0 < len(layer.arrows) < len(op.arrows) / 2
    assert sum("peripheries" in n.attr and n.attr["peripheries"] == "2" for n in layer.dot.nodes()) == 1


def test_placeholders_of_one_scope_stay_two():
    with mt.scope("inside"):
        y = mt.placeholder("a", ()) * mt.placeholder("b", ())
    assert {"a", "b"} <= set(Read(to_graphviz(y, level="layer")).node)


def test_there_is_no_other_level(step):
    with pytest.raises(ValueError, match="no level 'cell'; there are op, layer, neuron"):
        step.to_graphviz(level="cell")

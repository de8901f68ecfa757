"""Schedules: topological (networkx says so), what must come last comes last, never more memory than the given order."""

import networkx
import pytest

import minitorch as mt
from minitorch.compiler.plan import direct_updates
from minitorch.compiler.schedule import NOMINAL, nominal, root_of, schedule
from minitorch.graph import Graph


def reads_of(node):
    """The values whose memory an operation reads; views read nothing themselves."""
    return [] if node.op.view else {root_of(i) for i in node.inputs}


def peak(order, graph, last):
    """Bytes alive at once, by walking over the order: values live from their operation to their last reader."""
    counted = lambda n: n.inputs and not n.op.view and n not in last and n not in set(graph.outputs)
    last_read = {source: i for i, node in enumerate(order) for source in reads_of(node)}
    most, alive = 0, {}
    for i, node in enumerate(order):
        if counted(node):
            alive[node] = nominal(node.size) * node.dtype.itemsize
        most = max(most, sum(alive.values()))
        alive = {n: size for n, size in alive.items() if last_read.get(n, len(order)) > i}
    return most


def check(graph, last):
    order = schedule(graph, last)
    position = {node: i for i, node in enumerate(order)}
    assert set(position) == set(graph.nodes)
    assert len(order) == len(graph.nodes)
    edges = networkx.DiGraph([(position[i], position[n]) for n in order for i in n.inputs])
    assert networkx.is_directed_acyclic_graph(edges)
    assert all(a < b for a, b in edges.edges)
    others = [i for i, n in enumerate(order) if n not in last]
    assert others == list(range(len(others)))
    given = [n for n in graph.nodes if n not in last] + [n for n in graph.nodes if n in last]
    assert peak(order, graph, last) <= peak(given, graph, last)
    return order, given


@pytest.mark.parametrize("start", range(0, 300, 50))
def test_schedules_of_random_graphs(random_graph, start):
    for seed in range(start, start + 50):
        graph = mt.compile(*random_graph(seed), backend="interpreter").graph
        last = {graph.updates[i][1] for i in direct_updates(graph)}
        check(graph, last)


def test_schedules_of_networks():
    x, y = mt.placeholder("x", ("batch", 5)), mt.placeholder("y", ("batch", 2))
    model = mt.nn.MLP(5, [7, 6, 2], seed=0)
    loss = mt.mse_loss(model(x), y)
    graph = mt.compile([x, y], loss, mt.optim.SGD(model.parameters(), lr=0.1, momentum=0.9).minimize(loss)).graph
    check(graph, {graph.updates[i][1] for i in direct_updates(graph)})


def wide(width):
    """Large values written one after the other, then each summed: all alive at once, unless they are reordered."""
    x = mt.placeholder("x", ("n", 10))
    large = [mt.exp(x * float(i)) for i in range(1, width + 1)]
    nodes = [x]
    for value in large:
        nodes += [value.inputs[0].inputs[1], value.inputs[0], value]
    sums = [mt.sum(value) for value in large]
    total = sums[0]
    nodes += sums
    for value in sums[1:]:
        total = total + value
        nodes.append(total)
    return Graph([total], nodes=nodes)


def test_a_better_order_is_found():
    graph = wide(20)
    order, given = check(graph, set())
    large = NOMINAL * 10 * 4
    assert peak(given, graph, set()) >= 20 * large
    assert peak(order, graph, set()) <= 3 * large


def test_an_order_that_is_good_is_kept():
    x = mt.placeholder("x", ("n",))
    t = x
    for _ in range(10):
        t = mt.tanh(t) + x
    graph = Graph([t])
    assert schedule(graph, set()) == list(graph.nodes)


def test_views_keep_what_they_show_alive():
    """A value is alive as long as one of its views is read, so ending the view frees it."""
    x = mt.placeholder("x", ("n", 10))
    a, b = mt.exp(x), mt.log(x)
    at, bt = a.T, b.T
    sa, sb = mt.sum(at), mt.sum(bt)
    total = sa + sb
    graph = Graph([total], nodes=[x, a, b, at, bt, sa, sb, total])
    order, given = check(graph, set())
    assert peak(given, graph, set()) == 2 * NOMINAL * 40 + 4
    assert peak(order, graph, set()) <= NOMINAL * 40 + 8


def test_the_same_graph_has_the_same_schedule():
    assert [n.op.name for n in schedule(wide(30), set())] == [n.op.name for n in schedule(wide(30), set())]


def test_unknown_sizes_count_as_64():
    n = mt.placeholder("x", ("n",)).shape[0]
    assert [nominal(size) for size in (7, n, 3 * n + 1, n * n)] == [7, 64, 193, 4096]

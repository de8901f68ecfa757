"""Records: values by place, by name, or by default."""

from minitorch.record import Record


class Point(Record):
    x: int
    y: int = 3

    @property
    def sum(self) -> int:
        return self.x + self.y


def test_values_are_given_by_place_or_by_name():
    assert (Point(1, 2).x, Point(1, 2).y) == (1, 2)
    assert (Point(y=5, x=4).x, Point(4, y=5).y) == (4, 5)


def test_a_value_has_its_default_on_its_own():
    first, second = Point(1), Point(2, 7)
    assert (first.y, second.y, first.sum, second.sum) == (3, 7, 4, 9)
    assert Point.y == 3

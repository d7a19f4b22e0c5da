from prometheus_client.parser import text_string_to_metric_families

from pwauth_server.adapters.histograms import BOUNDS, LETTER_BOUNDS, Histogram


def samples(histogram: Histogram) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Read an exposition the way Prometheus does."""
    (family,) = text_string_to_metric_families(histogram.render())
    assert family.type == "histogram"
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in family.samples}


def test_buckets_add_up_from_below() -> None:
    """An observation counts in its own bucket and all above; a bound belongs to its bucket (SEC-74)."""
    histogram = Histogram("t_seconds", "A test.", ("route",))
    for seconds in (0.0, 0.001, 0.0011, 0.3, 10.0, 10.1, 1e9):
        histogram.observe(("/x",), seconds)
    found = samples(histogram)
    label = ("route", "/x")
    counts = [found["t_seconds_bucket", (("le", le), label)] for le in (*map(repr, BOUNDS), "+Inf")]
    assert counts == [2, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 5, 7]
    assert found["t_seconds_count", (label,)] == 7
    assert found["t_seconds_sum", (label,)] == 0.0 + 0.001 + 0.0011 + 0.3 + 10.0 + 10.1 + 1e9


def test_what_was_observed_can_be_read() -> None:
    """How many below each bound, not added up, and the sum."""
    histogram = Histogram("t_seconds", "A test.", (), bounds=(1.0, 2.0))
    histogram.start(())
    assert histogram.read(()) == ((0, 0, 0), 0.0)
    for seconds in (0.5, 1.0, 1.5, 9.0):
        histogram.observe((), seconds)
    assert histogram.read(()) == ((2, 1, 1), 12.0)


def test_a_known_label_set_starts_at_zero() -> None:
    """The first observation is a rise, and starting again resets nothing (SEC-74)."""
    histogram = Histogram("t_seconds", "A test.", ())
    histogram.start(())
    assert samples(histogram)["t_seconds_count", ()] == 0
    histogram.observe((), 1.0)
    histogram.start(())
    assert samples(histogram)["t_seconds_count", ()] == 1


def test_bounds_fit_what_is_measured() -> None:
    """A letter that arrived after three retries is told from one that took ten seconds."""
    histogram = Histogram("t_seconds", "A test.", (), bounds=LETTER_BOUNDS)
    for seconds in (9.0, 170.0, 601.0):
        histogram.observe((), seconds)
    found = samples(histogram)
    assert [found["t_seconds_bucket", (("le", le),)] for le in ("10.0", "120.0", "300.0", "600.0", "+Inf")] == [1, 1, 2, 2, 3]


def test_label_sets_are_counted_apart() -> None:
    """Each set of label values is a series of its own."""
    histogram = Histogram("t_seconds", "A test.", ("method", "route"))
    histogram.observe(("GET", "/a"), 0.1)
    histogram.observe(("POST", "/a"), 0.1)
    histogram.observe(("GET", "/a"), 0.1)
    found = samples(histogram)
    assert found["t_seconds_count", (("method", "GET"), ("route", "/a"))] == 2
    assert found["t_seconds_count", (("method", "POST"), ("route", "/a"))] == 1


def test_an_empty_histogram_is_a_valid_exposition() -> None:
    """Before the first request there is a name and no series."""
    (family,) = text_string_to_metric_families(Histogram("t_seconds", "A test.", ("x",)).render())
    assert family.samples == []

# SPDX-License-Identifier: Apache-2.0
"""A strict reader of OpenMetrics text: what is not allowed raises AssertionError.

Source: github.com/OpenObservability/OpenMetrics, specification/OpenMetrics.md.
"""
import math
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
SUFFIXES = {"counter": {"_total"}, "gauge": {""}, "info": {"_info"},
            "histogram": {"_bucket", "_count", "_sum"}}


def read_labels(text):
    labels, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        assert match, f"labels: {text}"
        assert match[1] not in labels, f"label twice: {text}"
        labels[match[1]] = match[2]
        at = match.end()
        assert at == len(text) or text[at] == ",", f"labels: {text}"
        at += 1
    return labels


def read_families(text):
    """Family name -> (type, [(suffix, labels, value)]); order and form are what readers demand."""
    assert text.endswith("# EOF\n") and text.count("# EOF") == 1, "no # EOF at the end, once"
    families, current = {}, None
    for line in text.splitlines()[:-1]:
        if line.startswith("#"):
            match = re.fullmatch(rf"# (TYPE|UNIT|HELP) ({NAME}) (.+)", line)
            assert match, line
            if match[1] == "TYPE":
                current = match[2]
                assert current not in families, f"declared twice: {line}"
                families[current] = (match[3], [])
            assert match[2] == current, f"not within its family: {line}"
            assert not families[current][1], f"after its samples: {line}"
            assert match[1] != "UNIT" or current.endswith("_" + match[3]), line
            continue
        match = SAMPLE.fullmatch(line)
        assert match and match[1].startswith(current), f"outside of its family: {line}"
        kind, samples = families[current]
        suffix = match[1][len(current):]
        assert suffix in SUFFIXES[kind], f"no sample of a {kind}: {line}"
        samples.append((suffix, read_labels(match[2] or ""), float(match[3])))
    return families


def check_histograms(name, samples):
    """Bounds rise to +Inf, counts never fall, and the last is the count."""
    series = {}
    for suffix, labels, value in samples:
        own = tuple(sorted((key, text) for key, text in labels.items() if key != "le"))
        series.setdefault(own, []).append((suffix, labels.get("le"), value))
    for own, points in series.items():
        buckets = [(le, value) for suffix, le, value in points if suffix == "_bucket"]
        bounds = [float(le) for le, _ in buckets]
        assert bounds == sorted(set(bounds)) and bounds[-1] == math.inf, f"{name} {own}: {bounds}"
        assert all(le == "+Inf" or repr(float(le)) == le for le, _ in buckets), f"{name}: {buckets}"
        counts = [value for _, value in buckets]
        assert counts == sorted(counts), f"{name} {own}: buckets fall: {counts}"
        others = {suffix: value for suffix, _, value in points if suffix != "_bucket"}
        assert others.keys() == {"_count", "_sum"}, f"{name} {own}: {others}"
        assert others["_count"] == counts[-1] and others["_sum"] >= 0, f"{name} {own}: {others}"


def check(text):
    """The families of `text`, which keeps every rule."""
    families = read_families(text)
    for name, (kind, samples) in families.items():
        seen = [(suffix, tuple(sorted(labels.items()))) for suffix, labels, _ in samples]
        assert len(seen) == len(set(seen)), f"{name}: the same sample twice"
        assert kind != "counter" or all(value >= 0 for _, _, value in samples), name
        if kind == "histogram":
            check_histograms(name, samples)
    return families

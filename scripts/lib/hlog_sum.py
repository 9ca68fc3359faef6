"""Adds up interval logs by HdrHistogram's own package for Python, and compares: run by target/python.

    hlog_sum.py MERGED LOG...     MERGED is a file with the encoded histogram that is to be equal

Prints how many values the sum has. Exit status 1, and the first bucket that differs, if the two differ.
"""

import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader


def empty():
    return HdrHistogram(1, 60_000_000_000, 3)


def buckets(histogram):
    """The count of each bucket that has one."""
    return {item.value_iterated_to: item.count_added_in_this_iter_step
            for item in histogram.get_recorded_iterator() if item.count_added_in_this_iter_step}


def main():
    merged, *logs = sys.argv[1:]
    total = empty()
    for log in logs:
        reader = HistogramLogReader(log, empty())
        while (one := reader.get_next_interval_histogram()) is not None:
            if one.get_tag() == "latency":
                total.add(one)
    with open(merged, encoding="ascii") as file:
        other = buckets(HdrHistogram.decode(file.read().strip()))
    mine = buckets(total)
    if mine != other:
        differ = min(value for value in mine.keys() | other.keys() if mine.get(value) != other.get(value))
        sys.exit(f"bucket {differ} ns: {mine.get(differ, 0)} by the logs, {other.get(differ, 0)} merged")
    print(total.get_total_count())


main()

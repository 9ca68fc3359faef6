//! Interval logs of HdrHistogram, against HdrHistogram's own package for Python.

use super::common::{Running, finish, json_lines, python_with, udpraw};
use super::{Echo, load};

/// Eight logs that udpraw merges are the sum that HdrHistogram's package for Python makes, bucket by bucket.
#[test]
fn merged_logs_are_the_sum_of_all() {
    let Some(python) = python_with("hdrh") else {
        return;
    };
    let echo = Echo::start();
    let (target, folder) = (echo.address.to_string(), tempfile::tempdir().unwrap());
    let name = |number| {
        let path = folder.path().join(format!("{number}.hlog"));
        path.to_str().unwrap().to_owned()
    };
    let logs: Vec<String> = (0..8).map(name).collect();
    let start = |log: &String| {
        let words = [
            "load", &target, "--json", "--rate", "1kpps", "--for", "200ms",
        ];
        let more = ["--interval", "50ms", "--hdr", log];
        Running::start(udpraw(words.iter().chain(&more)))
    };
    let running: Vec<_> = logs.iter().map(start).collect();
    let mut arrived = 0;
    for one in running {
        let lines = json_lines(&one.finish().stdout);
        arrived += lines.last().unwrap()["round_trip"]["arrived"]
            .as_u64()
            .unwrap();
    }
    let words = ["report", "--json"].into_iter();
    let words: Vec<&str> = words.chain(logs.iter().map(String::as_str)).collect();
    let end = finish(&words);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let merged = json_lines(&end.stdout).pop().unwrap();
    assert_eq!(merged["count"], arrived);
    let encoded = folder.path().join("merged");
    std::fs::write(&encoded, merged["histogram"].as_str().unwrap()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lib/hlog_sum.py");
    let summed = std::process::Command::new(python)
        .args([script, encoded.to_str().unwrap()])
        .args(&logs)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&summed.stdout);
    let errors = String::from_utf8_lossy(&summed.stderr);
    assert_eq!(told.trim(), arrived.to_string(), "{errors}");
}

/// The log is read by another implementation of HdrHistogram, and adds up to the whole.
#[test]
fn the_interval_log_is_read_by_others() {
    let Some(python) = python_with("hdrh") else {
        return;
    };
    let echo = Echo::start();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("load.hlog");
    let path = log.to_str().unwrap();
    let target = echo.address.to_string();
    let arguments = [
        "--rate",
        "2kpps",
        "--for",
        "300ms",
        "--interval",
        "100ms",
        "--hdr",
        path,
    ];
    let (result, end) = load(&target, &arguments);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let script = "\
import sys
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
whole = HdrHistogram(1, 60000000000, 3)
reader = HistogramLogReader(sys.argv[1], whole)
count = 0
while True:
    one = reader.get_next_interval_histogram()
    if one is None: break
    if one.get_tag() == 'latency':
        whole.add(one); count += 1
total = whole.get_total_count()
# The value that 99 % are at most; the package rounds to the nearest one.
rank = -(-total * 99 // 100)
print(count, total, whole.get_value_at_percentile(100 * rank / total), whole.get_max_value())";
    let read = std::process::Command::new(python)
        .args(["-c", script, path])
        .output()
        .unwrap();
    let text = String::from_utf8(read.stdout).unwrap();
    let errors = String::from_utf8_lossy(&read.stderr).into_owned();
    let numbers: Vec<u64> = text
        .split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect();
    let latency = &result["latency"];
    let at = |name: &str| latency[name].as_u64().unwrap();
    assert_eq!(
        numbers.get(1..),
        Some(&[at("count"), at("p99_ns"), at("max_ns")][..]),
        "{text} {errors}"
    );
    assert!(numbers[0] >= 3);
    let again = finish(&["load", &target, "--for", "1", "--hdr", path]);
    assert_eq!(again.code, Some(2), "a file that is there is kept");
}

//! The interval log of HdrHistogram (`--hdr`), and a histogram as text.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use udpraw::error::{Error, Result};
use udpraw::load::{Figures, Times};

/// The histograms of an interval with their names.
pub(super) fn named(times: &Times) -> [(&'static str, &Histogram<u64>); 5] {
    [
        ("latency", &times.latency),
        ("rtt", &times.round_trip),
        ("slip", &times.slip),
        ("up", &times.up),
        ("down", &times.down),
    ]
}

/// A log that gets the histograms of each interval, a line each with their name as tag. Values are
/// nanoseconds; the maximum in each line is in milliseconds, as HdrHistogram's own tools write it.
pub(crate) struct IntervalLog {
    file: File,
    path: PathBuf,
}

impl IntervalLog {
    /// Makes the file, which must not exist.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = File::create_new(path).map_err(|source| {
            Error::os("make", path.display(), source)
                .with_remedy("name a file that is not there yet")
        })?;
        let path = path.to_owned();
        let mut log = Self { file, path };
        let now = SystemTime::now();
        let head = lines(Some(now), &[], Duration::ZERO, Duration::ZERO);
        log.append(&head)?;
        Ok(log)
    }

    pub(crate) fn write(&mut self, figures: &Figures) -> Result<()> {
        let text = lines(None, &named(&figures.times), figures.start, figures.length);
        self.append(&text)
    }

    fn append(&mut self, text: &[u8]) -> Result<()> {
        // Each interval at once, so that a run that is killed leaves whole lines.
        let written = self.file.write_all(text);
        written.map_err(|source| Error::os("write", self.path.display(), source))
    }
}

/// Lines of a log: with a head if a start is given.
fn lines(
    start: Option<SystemTime>,
    histograms: &[(&str, &Histogram<u64>)],
    at: Duration,
    length: Duration,
) -> Vec<u8> {
    let (mut bytes, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let mut builder = IntervalLogWriterBuilder::new();
    builder.with_max_value_divisor(1e6);
    if let Some(start) = start {
        builder.add_comment("udpraw load: values are nanoseconds");
        builder.with_start_time(start).with_base_time(start);
    }
    let mut head = 0;
    // Writing to memory does not fail.
    if let Ok(mut log) = builder.begin_log_with(&mut bytes, &mut serializer) {
        for (name, histogram) in histograms {
            if !histogram.is_empty() {
                let _ = log.write_histogram(histogram, at, length, Tag::new(name));
            }
        }
    }
    if start.is_none() {
        // The head is in the file already.
        let is_head = |line: &&[u8]| line.starts_with(b"#") || line.starts_with(b"\"");
        head = bytes
            .split_inclusive(|byte| *byte == b'\n')
            .take_while(is_head)
            .map(<[u8]>::len)
            .sum();
    }
    bytes.split_off(head)
}

/// A histogram as base64 of its compressed V2 encoding, as a line of the log has it.
pub(super) fn encoded(histogram: &Histogram<u64>) -> String {
    let line = lines(None, &[("", histogram)], Duration::ZERO, Duration::ZERO);
    let text = String::from_utf8(line).unwrap_or_default();
    let last = text.trim_end().rsplit(',').next();
    last.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;

    #[test]
    fn a_log_is_read_back() {
        let mut times = Times::default();
        for value in [1, 1000, 1_000_000, 59_000_000_000] {
            times.latency.record(value).unwrap();
        }
        let mut log = lines(Some(SystemTime::now()), &[], Duration::ZERO, Duration::ZERO);
        let second = Duration::from_secs(1);
        log.extend(lines(None, &named(&times), second, second));
        log.extend(lines(None, &named(&times), second * 2, second));
        let entries: Vec<_> = IntervalLogIterator::new(&log).map(Result::unwrap).collect();
        let intervals: Vec<_> = entries
            .iter()
            .filter_map(|entry| match entry {
                LogEntry::Interval(interval) => Some(interval),
                _ => None,
            })
            .collect();
        assert_eq!(intervals.len(), 2, "empty ones are left out");
        assert_eq!(intervals[1].tag().unwrap().as_str(), "latency");
        assert_eq!(intervals[1].encoded_histogram(), encoded(&times.latency));
        assert!(encoded(&times.latency).starts_with("HISTFAAAA"));
    }
}

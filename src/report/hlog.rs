//! Reads interval logs of HdrHistogram.

use std::io::{BufRead, Read as _};
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

use super::distribution::Distribution;
use super::read::{INTERVALS, shown, sum, whole, wrong};
use super::run::{Figures, Run, condense};
use crate::error::{Error, Result};

/// The most bytes of an interval log, which is read as a whole.
const LARGEST: u64 = 256 << 20;

/// Reads an interval log of HdrHistogram: its values are nanoseconds.
pub(super) fn log(name: &str, input: impl BufRead) -> Result<Run> {
    let mut bytes = Vec::new();
    let read = input.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|source| Error::os("read", shown(name), source))?;
    if bytes.len() as u64 > LARGEST {
        return Err(wrong(name, format!("it has more than {LARGEST} bytes")));
    }
    let is_log = bytes.starts_with(b"#")
        || bytes.starts_with(b"\"StartTimestamp\"")
        || bytes.starts_with(b"Tag=");
    if !is_log && !bytes.first().is_some_and(u8::is_ascii_digit) {
        return Err(wrong(
            name,
            "it is neither JSON nor an interval log of HdrHistogram",
        )
        .with_remedy("give it what udpraw load --json or --hdr wrote"));
    }
    let mut run = Run::new(name);
    let (mut started, mut base) = (Duration::ZERO, None);
    for entry in IntervalLogIterator::new(&bytes) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(hdrhistogram::serialization::interval_log::LogIteratorError::ParseError {
                offset,
            }) => {
                cut(&mut run, &bytes, offset, "it is no line of an interval log")?;
                break;
            }
        };
        match entry {
            LogEntry::StartTime(time) => started = time,
            LogEntry::BaseTime(time) => base = Some(time),
            LogEntry::Interval(interval) => {
                let encoded = interval.encoded_histogram();
                let times = match Distribution::decode(encoded) {
                    Ok(times) => times,
                    Err(why) => {
                        // The text is a part of the bytes.
                        let offset = encoded.as_ptr() as usize - bytes.as_ptr() as usize;
                        cut(&mut run, &bytes, offset, &why)?;
                        break;
                    }
                };
                let start = since_start(interval.start_timestamp(), started, base);
                let tag = interval.tag().map_or("latency", |tag| tag.as_str());
                put(
                    &mut run,
                    tag,
                    nanos(start),
                    nanos(interval.duration()),
                    times,
                )
                .map_err(|why| wrong(name, why))?;
            }
        }
        if run.intervals.len() > 2 * INTERVALS {
            condense(&mut run.intervals, INTERVALS).map_err(|why| wrong(name, why))?;
        }
    }
    run.total = sum(&run)?;
    run.started = SystemTime::UNIX_EPOCH
        .checked_add(started)
        .unwrap_or(SystemTime::UNIX_EPOCH);
    run.is_complete = true;
    whole(run)
}

/// Ends a log at a line that is damaged: an error unless it is the last one.
fn cut(run: &mut Run, bytes: &[u8], offset: usize, why: &str) -> Result<()> {
    let (before, after) = bytes.split_at(offset.min(bytes.len()));
    let number = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let end = after.iter().position(|byte| *byte == b'\n');
    if end.is_some_and(|end| end + 1 < after.len()) {
        return Err(wrong(&run.name, format!("line {number}: {why}")));
    }
    let kept = format!("its last line, {number}, is cut off or damaged: those before it count");
    run.remarks.push(kept);
    Ok(())
}

/// The time of an interval after the start, by the rules of HdrHistogram's own reader: times count from the
/// base; without one, from the start, unless they are less than a year before it or later.
fn since_start(time: Duration, started: Duration, base: Option<Duration>) -> Duration {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    match base {
        Some(base) => base.saturating_add(time).saturating_sub(started),
        None if time < started.saturating_sub(YEAR) => time,
        None => time.saturating_sub(started),
    }
}

/// Puts the histogram of a tag into its interval; tags of others are left out.
fn put(
    run: &mut Run,
    tag: &str,
    start_ns: u64,
    elapsed_ns: u64,
    times: Distribution,
) -> std::result::Result<(), String> {
    let place: fn(&mut Figures) -> &mut Option<Distribution> = match tag {
        "latency" => |figures| &mut figures.latency,
        "rtt" => |figures| &mut figures.rtt,
        "slip" => |figures| &mut figures.slip,
        "up" => |figures| &mut figures.up_delay,
        "down" => |figures| &mut figures.down_delay,
        _ => return Ok(()),
    };
    if run.intervals.last().map(|interval| interval.start_ns) != Some(start_ns) {
        run.intervals.push(Figures {
            start_ns,
            elapsed_ns,
            ..Figures::default()
        });
    }
    match run.intervals.last_mut() {
        Some(figures) => place(figures).get_or_insert_default().add(&times),
        None => Ok(()),
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

//! Reads runs back: the lines of `load --json`, and interval logs of HdrHistogram.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::hlog::log;
use super::run::{Figures, Run, SCHEMA, Together, condense};
use super::setting::Setting;
use crate::error::{Error, Result};

/// The most bytes of one line: an interval of five histograms has some ten thousand.
const LONGEST: u64 = 8 << 20;

/// The most intervals that are kept: neighbours of a longer run are joined.
pub(super) const INTERVALS: usize = 4096;

/// What every line has.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    schema: String,
    #[serde(default)]
    event: String,
    /// When the line was written.
    #[serde(default, deserialize_with = "moment")]
    time: Option<SystemTime>,
}

/// A line about the whole run, at its start or at its end.
#[derive(Default, Deserialize)]
#[serde(default)]
struct About {
    target: Option<String>,
    #[serde(deserialize_with = "moment")]
    started: Option<SystemTime>,
    open_loop: Option<bool>,
    complete: Option<bool>,
    #[serde(flatten)]
    setting: Setting,
}

/// A moment by RFC 3339.
fn moment<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> std::result::Result<Option<SystemTime>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    let moment = text.map(|text| text.parse::<jiff::Timestamp>()).transpose();
    let moment = moment.map_err(|_| serde::de::Error::custom("a time is no moment of RFC 3339"))?;
    Ok(moment.map(SystemTime::from))
}

impl Run {
    /// Reads a file: the lines of `load --json`, or an interval log of HdrHistogram. If its last line is cut
    /// off, the lines before it count, and a remark says so.
    ///
    /// # Errors
    /// If the file cannot be read, if it is neither, if a line within is damaged, and if there is nothing in
    /// it.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|source| Error::os("read", &name, source))?;
        Self::read(&name, BufReader::new(file))
    }

    /// Reads a run as [`Self::open`] does; `name` is what it is called.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn read(name: &str, mut input: impl BufRead) -> Result<Self> {
        let head = input
            .fill_buf()
            .map_err(|source| Error::os("read", shown(name), source))?;
        let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
        match first {
            Some(b'{') => lines(name, input),
            Some(_) => log(name, input),
            None => Err(wrong(name, "it is empty")),
        }
    }
}

pub(super) fn wrong(name: &str, reason: impl Into<String>) -> Error {
    Error::invalid("read", shown(name), reason)
}

pub(super) fn shown(name: &str) -> String {
    name.escape_debug().to_string()
}

/// One line; whether it has its line feed.
fn line(name: &str, input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool> {
    line.clear();
    let read = input.by_ref().take(LONGEST).read_until(b'\n', line);
    read.map_err(|source| Error::os("read", shown(name), source))?;
    if line.len() as u64 == LONGEST && line.last() != Some(&b'\n') {
        return Err(wrong(name, format!("a line has more than {LONGEST} bytes")));
    }
    Ok(line.last() == Some(&b'\n'))
}

/// Reads the lines of `load --json`.
fn lines(name: &str, mut input: impl BufRead) -> Result<Run> {
    let mut recorder = Recorder::new(name);
    let (mut bytes, mut number) = (Vec::new(), 0);
    loop {
        let is_whole = line(name, &mut input, &mut bytes)?;
        number += 1;
        if bytes.trim_ascii().is_empty() {
            if is_whole {
                continue;
            }
            break;
        }
        match recorder.take(&bytes) {
            Ok(()) => {}
            Err(Taken::Other(schema)) => {
                let schema = schema.escape_debug();
                let reason = format!("line {number} has the schema '{schema}', not {SCHEMA}");
                return Err(
                    wrong(name, reason).with_remedy("give it what udpraw load --json printed")
                );
            }
            Err(Taken::Damaged(why)) => {
                if !is_last(name, is_whole, &mut input)? {
                    return Err(wrong(name, format!("line {number}: {why}")));
                }
                recorder.run.remarks.push(format!(
                    "its last line, {number}, is cut off or damaged: those before it count"
                ));
                break;
            }
        }
    }
    recorder.finish()
}

/// Says so if the whole is not the sum of the intervals.
fn check_sum(run: &mut Run, sum: &Figures, total: Option<&Figures>) {
    let buckets = |figures: &Figures| figures.latency.as_ref().map(|it| it.buckets().to_vec());
    if let Some(total) = total
        && buckets(total) != buckets(sum)
    {
        run.remarks
            .push("its intervals do not add up to its result".into());
    }
}

/// Whether nothing comes after a line.
fn is_last(name: &str, is_whole: bool, input: &mut impl BufRead) -> Result<bool> {
    let rest = input
        .fill_buf()
        .map_err(|source| Error::os("read", shown(name), source))?;
    Ok(!is_whole || rest.is_empty())
}

/// Why a line was not taken.
enum Taken {
    /// It is of another schema.
    Other(String),
    /// It is none.
    Damaged(String),
}

/// Makes a run of its lines, one by one, in memory that does not grow with them for ever.
#[derive(Debug)]
pub struct Recorder {
    run: Run,
    total: Option<Figures>,
    is_started: bool,
}

impl Recorder {
    /// For the run of this name.
    pub fn new(name: &str) -> Self {
        Self {
            run: Run::new(name),
            total: None,
            is_started: false,
        }
    }

    /// Takes a line as `load --json` prints it.
    ///
    /// # Errors
    /// If it is none, or of another schema.
    pub fn line(&mut self, line: &[u8]) -> Result<()> {
        self.take(line).map_err(|taken| match taken {
            Taken::Other(schema) => {
                let schema = schema.escape_debug();
                wrong(
                    &self.run.name,
                    format!("a line has the schema '{schema}', not {SCHEMA}"),
                )
            }
            Taken::Damaged(why) => wrong(&self.run.name, why),
        })
    }

    fn take(&mut self, bytes: &[u8]) -> std::result::Result<(), Taken> {
        let damaged = |why: serde_json::Error| {
            // Without the place: it is in the middle of a base64 text.
            let text = why.to_string();
            let text = text.split(" at line ").next().unwrap_or_default();
            Taken::Damaged(text.to_owned())
        };
        let head: Head = serde_json::from_slice(bytes).map_err(damaged)?;
        if head.schema != SCHEMA {
            return Err(Taken::Other(head.schema));
        }
        let run = &mut self.run;
        if head.event == "interval" || head.event == "result" {
            let figures: Figures = serde_json::from_slice(bytes).map_err(damaged)?;
            figures.check().map_err(Taken::Damaged)?;
            if head.event == "interval" {
                let last = run.intervals.last();
                if last.is_some_and(|last| last.start_ns > figures.start_ns) {
                    let why = "it is of a time before the line above it: are these two runs?";
                    return Err(Taken::Damaged(why.into()));
                }
                if let (false, Some(time)) = (self.is_started, head.time) {
                    // A line is written when its interval is over.
                    let since = Duration::from_nanos(figures.end_ns());
                    run.started = time.checked_sub(since).unwrap_or(time);
                    self.is_started = true;
                }
                run.intervals.push(figures);
                if run.intervals.len() > 2 * INTERVALS {
                    condense(&mut run.intervals, INTERVALS).map_err(Taken::Damaged)?;
                }
                return Ok(());
            }
            self.total = Some(figures);
        }
        if head.event == "start" || head.event == "result" {
            let about: About = serde_json::from_slice(bytes).map_err(damaged)?;
            if let Some(started) = about.started {
                run.started = started;
                self.is_started = true;
            }
            run.target = about.target.or(run.target.take());
            run.is_open_loop = about.open_loop.unwrap_or(run.is_open_loop);
            run.is_complete = about.complete.unwrap_or(run.is_complete);
            run.setting.complete(about.setting);
        }
        // Other events of the schema are about something else.
        Ok(())
    }

    /// The run of all lines.
    ///
    /// # Errors
    /// If its histograms differ in precision, and if there is no interval.
    pub fn finish(self) -> Result<Run> {
        let Self { mut run, total, .. } = self;
        let sum = sum(&run)?;
        if total.is_none() {
            let remark = "it has no result: it was ended before its end, or is cut off";
            run.remarks.push(remark.into());
            run.is_complete = false;
        }
        check_sum(&mut run, &sum, total.as_ref());
        if let Some(total) = &total {
            end_at(&mut run.intervals, total.end_ns()).map_err(|why| wrong(&run.name, why))?;
        }
        run.total = total.unwrap_or(sum);
        whole(run)
    }
}

/// Ends the intervals where the run ends: what comes later was a wait for the last answers, and these belong to
/// the time before.
fn end_at(intervals: &mut Vec<Figures>, end: u64) -> std::result::Result<(), String> {
    while let [.., before, last] = &mut intervals[..]
        && last.start_ns >= end
    {
        let elapsed = before.elapsed_ns;
        before.add(last, Together::After)?;
        before.elapsed_ns = elapsed;
        intervals.pop();
    }
    if let Some(last) = intervals.last_mut()
        && (last.start_ns.saturating_add(1)..last.end_ns()).contains(&end)
    {
        let part = (end - last.start_ns) as f64 / last.elapsed_ns as f64;
        last.elapsed_ns = end - last.start_ns;
        last.asked_per_second /= part;
        last.sent_per_second /= part;
    }
    Ok(())
}

/// The sum of the intervals.
pub(super) fn sum(run: &Run) -> Result<Figures> {
    let mut intervals = run.intervals.iter();
    let mut sum = intervals.next().cloned().unwrap_or_default();
    for interval in intervals {
        sum.add(interval, Together::After)
            .map_err(|why| wrong(&run.name, why))?;
    }
    Ok(sum)
}

/// A run that has something.
pub(super) fn whole(run: Run) -> Result<Run> {
    if run.intervals.is_empty() {
        Err(wrong(&run.name, "there is no interval in it"))
    } else {
        Ok(run)
    }
}

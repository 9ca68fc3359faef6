//! What `udpraw send` and `udpraw recv` have in common: quantities, progress bars, reasons.

use std::time::{Duration, Instant};

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use udpraw::error::describe_errno;
use udpraw::protocol::transfer::{Code, Failure};
use udpraw::transfer::{Activity, KeptPart, Progress};

use super::envelope::nanos;

/// How often a transfer whose progress is not drawn says that it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// The longest part of a foreign name that a progress bar shows.
const NAME: usize = 24;

/// A number of bytes for people: `38.1 MB`, in powers of 1,000.
pub(super) fn bytes(number: u64) -> String {
    match number {
        0..1000 => super::count(number, "byte", "bytes"),
        _ => scaled(number as f64, &["B", "kB", "MB", "GB", "TB", "PB", "EB"]),
    }
}

/// Bits per second for people: `1.31 Gbit/s`.
pub(super) fn rate(bits: f64) -> String {
    scaled(bits, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"])
}

/// Three digits and a unit, each unit a thousand times the one before.
fn scaled(number: f64, units: &[&str]) -> String {
    let (mut number, mut at) = (number, 0);
    // 999.9995 would be shown as 1000.
    while number >= 999.5 && at + 1 < units.len() {
        number /= 1000.0;
        at += 1;
    }
    let digits = match number {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{number:.digits$} {}", units[at])
}

/// A time for people: `0.41 s`.
pub(super) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.2} s", time.as_secs_f64()),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// The progress of a transfer in NDJSON.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ProgressRecord {
    /// Bytes of files and streams that the receiver has.
    bytes: u64,
    /// Bytes of these that the receiver had before.
    resumed_bytes: u64,
    /// Bytes of these that are holes of sparse files, and were not sent.
    hole_bytes: u64,
    /// Bytes of all files; null if they are not counted yet, and for a stream.
    total_bytes: Option<u64>,
    /// Files, folders and links that are done.
    entries: u64,
    /// All of them; null if they are not counted yet.
    total_entries: Option<u64>,
    /// Path of the file in progress, as its sender calls it; null before the first.
    file: Option<String>,
    /// Bytes of that file that have arrived.
    file_bytes: Option<u64>,
    /// Size of that file; null for a stream.
    file_total_bytes: Option<u64>,
    /// How long the rest of that file takes in nanoseconds, at the speed so far; null if that is not
    /// known.
    file_remaining_ns: Option<u64>,
    /// How long the rest of everything takes in nanoseconds, at the speed so far; null if that is not
    /// known.
    remaining_ns: Option<u64>,
    /// What takes the time: the transfer, `checking` what the receiver kept from before, `storing` on
    /// a slow disk or for a slow reader, `finishing`, the last writes to the disk, `reading` a slow
    /// source at the sender, or `waiting` for it at the receiver.
    #[cfg_attr(test, schemars(extend("enum" = [
        "transferring", "checking", "storing", "finishing", "reading", "waiting"
    ])))]
    activity: &'static str,
    /// Bytes of the kept part that were checked; null if none is.
    checked_bytes: Option<u64>,
    /// Time since the start of the transfer in nanoseconds.
    elapsed_ns: u64,
}

impl From<&Progress> for ProgressRecord {
    fn from(progress: &Progress) -> Self {
        let file = progress.file.as_ref();
        Self {
            bytes: progress.bytes,
            resumed_bytes: progress.resumed,
            hole_bytes: progress.holes,
            total_bytes: progress.total,
            entries: progress.entries,
            total_entries: progress.total_entries,
            file: file.map(|file| String::from_utf8_lossy(&file.path).into_owned()),
            file_bytes: file.map(|file| file.bytes),
            file_total_bytes: file.and_then(|file| file.size),
            file_remaining_ns: progress.file_remaining().map(nanos),
            remaining_ns: progress.remaining().map(nanos),
            activity: match progress.activity {
                Activity::Checking { .. } => "checking",
                Activity::Storing => "storing",
                Activity::Finishing => "finishing",
                Activity::Reading => "reading",
                Activity::Waiting => "waiting",
                _ => "transferring",
            },
            checked_bytes: match progress.activity {
                Activity::Checking { done, .. } => Some(done),
                _ => None,
            },
            elapsed_ns: nanos(progress.elapsed),
        }
    }
}

/// What takes the time, if it is not the transfer itself.
fn activity(progress: &Progress) -> Option<String> {
    match progress.activity {
        Activity::Checking { done, total } => Some(format!(
            "checking the {} kept from before, {} %",
            bytes(total),
            percent(done, total)
        )),
        Activity::Storing => {
            Some("the receiver's disk, or the reader of its output, is slow".into())
        }
        Activity::Finishing => Some("writing to the disk".into()),
        Activity::Reading => Some("the disk, or the writer of the input, is slow".into()),
        Activity::Waiting => Some("nothing new from the sender".into()),
        _ => None,
    }
}

fn percent(part: u64, whole: u64) -> u64 {
    (u128::from(part) * 100 / u128::from(whole.max(1))) as u64
}

/// Says now and then that a transfer is alive, where no bar shows it.
pub(super) struct SignOfLife(Instant);

impl SignOfLife {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }

    /// The line, if it is time.
    pub(super) fn line(&mut self, progress: &Progress) -> Option<String> {
        if self.0.elapsed() < SIGN_OF_LIFE {
            return None;
        }
        self.0 = Instant::now();
        let mut line = match progress.total {
            Some(total) => format!(
                "{} of {} ({} %)",
                bytes(progress.bytes),
                bytes(total),
                percent(progress.bytes, total)
            ),
            None => bytes(progress.bytes),
        };
        if let Some(left) = progress.remaining() {
            line = format!("{line}, {} left", seconds(left));
        }
        if let Some(activity) = activity(progress) {
            line = format!("{line}; {activity}");
        }
        Some(line)
    }
}

/// `67.1 MB in 0.41 s, 1.31 Gbit/s`, and what was not sent: what an earlier transfer left, and holes.
pub(super) fn amount(progress: &Progress, goodput: f64) -> String {
    let new = bytes(progress.sent());
    let mut line = format!("{new} in {}, {}", seconds(progress.elapsed), rate(goodput));
    if progress.resumed > 0 {
        let resumed = bytes(progress.resumed);
        line = format!("{line}, after {resumed} that were there before");
    }
    if progress.holes > 0 {
        line = format!("{line}, and {} of holes", bytes(progress.holes));
    }
    line
}

/// Foreign text, safe on a terminal.
pub(super) fn shown(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for symbol in name.chars() {
        match symbol {
            // They need no escape outside of quotes.
            '\'' | '"' => shown.push(symbol),
            _ if is_format(symbol) => shown.extend(symbol.escape_unicode()),
            _ => shown.extend(symbol.escape_debug()),
        }
    }
    shown
}

/// Whether it changes how others are shown: the direction of the text, for example.
fn is_format(symbol: char) -> bool {
    matches!(
        symbol,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

/// Why a transfer failed, where `other` is the other end.
pub(super) fn why(failure: &Failure, other: &str) -> String {
    match failure {
        Failure::Closed { code, reason } if reason.is_empty() => {
            format!("the {other} ended it: {code}")
        }
        Failure::Closed { reason, .. } => {
            let reason = String::from_utf8_lossy(reason);
            format!("the {other} ended it: {}", shown(&reason))
        }
        Failure::Silent(time) => format!("nothing was received from the {other} for {time:?}"),
        Failure::Unreachable(errno) => {
            let said = describe_errno(*errno);
            match *errno {
                libc::ECONNREFUSED => format!("the {other} no longer runs: {said}"),
                // Only the ICMP message itself would say which.
                _ => format!("no route to the {other}, or a firewall forbids it: {said}"),
            }
        }
        Failure::Abandoned { .. } | Failure::Version(_) => failure.to_string(),
        _ => failure.to_string(),
    }
}

/// The word for a failure in NDJSON.
pub(super) fn reason(failure: &Failure) -> &'static str {
    match failure {
        Failure::Closed { code, .. } | Failure::Abandoned { code, .. } => code_word(*code),
        Failure::Silent(_) => "silent",
        Failure::Unreachable(_) => "unreachable",
        Failure::Version(_) => "version",
        Failure::Restarted => "restarted",
        Failure::Challenges => "challenges",
        _ => "unknown",
    }
}

/// What the word for a failure can be in NDJSON: those of [`reason`], and null.
#[cfg(test)]
pub(super) fn reasons() -> Vec<Option<&'static str>> {
    let mut words = vec![
        "silent",
        "unreachable",
        "version",
        "restarted",
        "challenges",
    ];
    words.extend(CODES.map(code_word));
    words.into_iter().map(Some).chain([None]).collect()
}

#[cfg(test)]
const CODES: [Code; 12] = [
    Code::Finished,
    Code::Interrupted,
    Code::Refused,
    Code::Source,
    Code::Storage,
    Code::OtherStream,
    Code::Digest,
    Code::Protocol,
    Code::WrongCode,
    Code::CodeRequired,
    Code::NoCode,
    Code::Unknown,
];

fn code_word(code: Code) -> &'static str {
    match code {
        Code::Finished => "finished",
        Code::Interrupted => "interrupted",
        Code::Refused => "refused",
        Code::Source => "source",
        Code::Storage => "storage",
        Code::OtherStream => "other-stream",
        Code::Digest => "digest",
        Code::Protocol => "protocol",
        Code::WrongCode => "wrong-code",
        Code::CodeRequired => "code-required",
        Code::NoCode => "no-code",
        _ => "unknown",
    }
}

/// `1.02 MB in inbox/.udpraw-….part`, and what to do with it.
pub(super) fn kept(part: &KeptPart) -> String {
    format!(
        "kept {} in {}; udpraw recv --resume continues from there",
        bytes(part.length),
        shown(&part.path.to_string_lossy())
    )
}

/// Progress bars on standard error, one per transfer; nothing if that is not a terminal.
pub(super) struct Bars(MultiProgress);

impl Bars {
    pub(super) fn new(is_hidden: bool) -> Self {
        let target = if is_hidden {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        Self(MultiProgress::with_draw_target(target))
    }

    /// A bar for a transfer.
    pub(super) fn add(&self) -> ProgressBar {
        self.0.add(ProgressBar::no_length())
    }

    /// Shows the progress; `name` for what is transferred, if the progress has no better one.
    pub(super) fn update(bar: &ProgressBar, progress: &Progress, name: &str) {
        if bar.is_hidden() {
            return;
        }
        let template = match progress.total {
            Some(_) => {
                "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta}"
            }
            None => "{msg}  {decimal_bytes}  {decimal_bytes_per_sec}  {elapsed}",
        };
        if bar.length() != progress.total || bar.message().is_empty() {
            // The templates are fixed, and without colours: NO_COLOR has nothing to forbid.
            let style = ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("#>-");
            bar.set_style(style);
            if let Some(total) = progress.total {
                bar.set_length(total);
            }
            // What was there before does not count for the speed.
            bar.set_position(progress.resumed);
            bar.reset_eta();
        }
        let message = activity(progress).unwrap_or_else(|| {
            let Some(file) = &progress.file else {
                return name.to_owned();
            };
            let path = shown(&String::from_utf8_lossy(&file.path));
            let skipped = path.chars().count().saturating_sub(NAME);
            let tail: String = path.chars().skip(skipped).collect();
            match file.size {
                // Of a single file the bar says it.
                Some(_) if progress.total_entries == Some(1) => tail,
                Some(size) => {
                    let share = percent(file.bytes, size);
                    let rest = size.saturating_sub(file.bytes) as f64 / bar.per_sec();
                    let rest = Duration::try_from_secs_f64(rest).unwrap_or_default();
                    format!("{tail} {share} % {:#}", HumanDuration(rest))
                }
                None => tail,
            }
        });
        bar.set_message(message);
        bar.set_position(progress.bytes);
    }

    /// Lets something else be printed.
    pub(super) fn pause<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_three_digits() {
        for (number, want) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_000, "1.00 kB"),
            (999_499, "999 kB"),
            (999_600, "1.00 MB"),
            (38_100_000, "38.1 MB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(bytes(number), want);
        }
        assert_eq!(rate(1.314e9), "1.31 Gbit/s");
        assert_eq!(rate(0.0), "0.00 bit/s");
        assert_eq!(rate(1e30).split(' ').nth(1), Some("Tbit/s"));
        assert_eq!(seconds(Duration::from_millis(410)), "0.41 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 5 s");
    }
}

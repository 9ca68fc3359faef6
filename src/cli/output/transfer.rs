//! What `udpraw send` and `udpraw recv` have in common: quantities, progress bars, reasons.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use udpraw::error::describe_errno;
use udpraw::protocol::transfer::{Code, Failure};
use udpraw::transfer::Progress;

/// The longest part of a foreign name that a progress bar shows.
const NAME: usize = 30;

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

/// `67.1 MB in 0.41 s, 1.31 Gbit/s`, and what an earlier transfer left.
pub(super) fn amount(progress: &Progress, goodput: f64) -> String {
    let new = bytes(progress.bytes.saturating_sub(progress.resumed));
    let line = format!("{new} in {}, {}", seconds(progress.elapsed), rate(goodput));
    match progress.resumed {
        0 => line,
        resumed => format!("{line}, after {} from an earlier transfer", bytes(resumed)),
    }
}

/// Foreign text, safe on a terminal.
pub(super) fn shown(name: &str) -> String {
    name.escape_debug().to_string()
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
        _ => "unknown",
    }
}

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
        _ => "unknown",
    }
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

    /// A bar for a transfer of that name, whose length may not be known.
    pub(super) fn add(&self, name: &str, total: Option<u64>) -> ProgressBar {
        let name: String = shown(name).chars().take(NAME).collect();
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::no_length(),
        };
        let template = match total {
            Some(_) => {
                "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta}"
            }
            None => "{msg}  {decimal_bytes}  {decimal_bytes_per_sec}  {elapsed}",
        };
        // The templates are fixed, and without colours: NO_COLOR has nothing to forbid.
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("#>-");
        self.0.add(bar.with_style(style).with_message(name))
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

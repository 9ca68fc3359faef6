//! Objectives: what a load must not show, as people write it (`p99>2ms`).

use std::fmt;
use std::str::FromStr;

use hdrhistogram::Histogram;

use super::figures::{Figures, Stream};
use crate::error::{Error, Result};
use crate::units;

/// What a figure is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Comparison {
    const ALL: [(&'static str, Self); 4] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        (">", Self::Above),
        ("<", Self::Below),
    ];

    fn holds(self, figure: f64, bound: f64) -> bool {
        match self {
            Self::Above => figure > bound,
            Self::AtLeast => figure >= bound,
            Self::Below => figure < bound,
            Self::AtMost => figure <= bound,
        }
    }
}

/// Whose figure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// There and back; of losses and the like, the worse direction.
    Whole,
    RoundTrip,
    Slip,
    Up,
    Down,
}

/// A figure.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Metric {
    /// A quantile of a time, from 0 to 1; 1 is the maximum.
    Quantile(f64),
    Mean,
    Jitter,
    Loss,
    Duplicates,
    Reordered,
    Unsent,
    Refused,
    Rate,
}

impl Metric {
    const NAMED: [(&'static str, Self); 9] = [
        ("max", Self::Quantile(1.0)),
        ("mean", Self::Mean),
        ("jitter", Self::Jitter),
        ("loss", Self::Loss),
        ("duplicates", Self::Duplicates),
        ("reordered", Self::Reordered),
        ("unsent", Self::Unsent),
        ("refused", Self::Refused),
        ("rate", Self::Rate),
    ];

    /// `p99.9` and the like, or one of the names.
    fn read(name: &str) -> Option<Self> {
        if let Some(percent) = name.strip_prefix('p') {
            let digits = percent
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
            let percent: f64 = percent.parse().ok().filter(|_| digits)?;
            return (0.0..=100.0)
                .contains(&percent)
                .then_some(Self::Quantile(percent / 100.0));
        }
        Self::NAMED
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, metric)| *metric)
    }

    fn is_time(self) -> bool {
        matches!(self, Self::Quantile(_) | Self::Mean | Self::Jitter)
    }

    /// Whether the figure exists of that.
    fn is_of(self, of: Of) -> bool {
        match self {
            Self::Quantile(_) | Self::Mean => true,
            Self::Jitter | Self::Loss | Self::Duplicates | Self::Reordered => {
                matches!(of, Of::Whole | Of::Up | Of::Down)
            }
            Self::Unsent | Self::Refused | Self::Rate => of == Of::Whole,
        }
    }
}

/// A figure that a load must not show.
///
/// `FIGURE OPERATOR VALUE`: a figure is a percentile (`p99.9`), `max`, `mean`, `jitter` (times), `loss`,
/// `duplicates`, `reordered`, `unsent`, `refused` (parts), or `rate`. `rtt.`, `slip.`, `up.` or `down.`
/// before it says of what. Operators are `>`, `>=`, `<` and `<=`.
///
/// ```
/// use udpraw::load::Objective;
/// assert!("up.p99.9 > 2ms".parse::<Objective>().is_ok());
/// let error = "p99>2parsec".parse::<Objective>().unwrap_err().to_string();
/// assert!(error.contains("column 5"), "{error}");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    text: String,
    of: Of,
    metric: Metric,
    comparison: Comparison,
    /// In nanoseconds, parts from 0 to 1, or datagrams per second.
    bound: f64,
    /// A rate in bits is one of datagrams once their size is known.
    rate: Option<units::PacketRate>,
}

/// What became of an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The load does not show it.
    Kept,
    /// The load shows it.
    Broken,
    /// The load has no such figure: nothing arrived, or there is no session.
    Unknown,
}

impl Objective {
    /// Whether a load of datagrams with `size` bytes shows it, and its figure, as text.
    pub fn judge(&self, figures: &Figures, size: usize) -> (Verdict, String) {
        let Some(figure) = self.figure(figures) else {
            return (Verdict::Unknown, "there is no such figure".into());
        };
        let bound = self.rate.map_or(self.bound, |rate| rate.per_second(size));
        let verdict = if self.comparison.holds(figure, bound) {
            Verdict::Broken
        } else {
            Verdict::Kept
        };
        let text = match self.metric {
            metric if metric.is_time() => {
                format!("{:.3?}", std::time::Duration::from_nanos(figure as u64))
            }
            Metric::Rate => format!("{figure:.1}pps"),
            _ => format!("{}%", (figure * 1e6).round() / 1e4),
        };
        (verdict, text)
    }

    fn figure(&self, figures: &Figures) -> Option<f64> {
        let times = &figures.times;
        let histogram: &Histogram<u64> = match self.of {
            Of::Whole => &times.latency,
            Of::RoundTrip => &times.round_trip,
            Of::Slip => &times.slip,
            Of::Up => &times.up,
            Of::Down => &times.down,
        };
        let streams: [Option<Stream>; 2] = match self.of {
            Of::Up => [figures.up, None],
            Of::Down => [figures.down, None],
            _ if figures.round_trip.is_some() => [figures.round_trip, None],
            _ => [figures.up, figures.down],
        };
        let worst = |figure: fn(&Stream) -> f64| {
            let all = streams.iter().flatten().map(figure);
            all.fold(None, |worst: Option<f64>, one| {
                Some(worst.map_or(one, |worst| worst.max(one)))
            })
        };
        let part = |part: u64, all: u64| Some(part as f64 / all.max(1) as f64);
        let sending = figures.sending();
        match self.metric {
            Metric::Quantile(_) | Metric::Mean if histogram.is_empty() => None,
            Metric::Quantile(1.0) => Some(histogram.max() as f64),
            Metric::Quantile(quantile) => Some(histogram.value_at_quantile(quantile) as f64),
            Metric::Mean => Some(histogram.mean()),
            Metric::Jitter => worst(|stream| stream.counts.jitter as f64),
            Metric::Loss => worst(Stream::loss),
            Metric::Duplicates => worst(Stream::duplication),
            Metric::Reordered => worst(Stream::reordering),
            Metric::Unsent => part(sending.unsent, sending.scheduled),
            Metric::Refused => part(sending.refused, sending.scheduled),
            Metric::Rate => Some(figures.rate()),
        }
    }
}

impl FromStr for Objective {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |at: usize, reason: String| {
            let column = text
                .get(..at)
                .map_or(1, |before| before.chars().count() + 1);
            let subject = format!("'{}'", text.escape_debug());
            Error::invalid(
                "read objective",
                subject,
                format!("column {column}: {reason}"),
            )
            .with_remedy(
                "write a figure, an operator and a value, as in p99>2ms, loss>0.1% or rate<9kpps",
            )
        };
        let Some(split) = text.find(['<', '>']) else {
            return Err(bad(text.len(), "there is no < or >".into()));
        };
        let (left, right) = text.split_at(split);
        let (name, start) = (left.trim(), left.len() - left.trim_start().len());
        let (of, metric, at) = match name.split_once('.') {
            Some((of, metric)) if !of.starts_with('p') => {
                let of_what = match of {
                    "rtt" => Of::RoundTrip,
                    "slip" => Of::Slip,
                    "up" => Of::Up,
                    "down" => Of::Down,
                    _ => return Err(bad(start, "neither rtt, slip, up nor down".into())),
                };
                (of_what, metric, start + of.len() + 1)
            }
            _ => (Of::Whole, name, start),
        };
        let Some(metric) = Metric::read(metric) else {
            let names: Vec<_> = Metric::NAMED.iter().map(|(name, _)| *name).collect();
            let reason = match nearest(metric, &names) {
                Some(near) => format!("there is no such figure; did you mean {near}?"),
                None => format!(
                    "there is no such figure: it is p0 to p100, {}",
                    names.join(", ")
                ),
            };
            return Err(bad(at, reason));
        };
        if !metric.is_of(of) {
            return Err(bad(start, "that prefix does not go with the figure".into()));
        }
        let found = Comparison::ALL
            .iter()
            .find(|(sign, _)| right.starts_with(sign));
        // It starts with one of them.
        let (sign, comparison) = found.copied().unwrap_or((">", Comparison::Above));
        let rest = &right[sign.len()..];
        let value = rest.trim();
        let at = split + sign.len() + (rest.len() - rest.trim_start().len());
        let failed = |error: Error| bad(at, format!("{error}"));
        let (mut bound, mut rate) = (0.0, None);
        match metric {
            metric if metric.is_time() => {
                bound = units::network_time(value).map_err(failed)?.as_nanos() as f64;
            }
            Metric::Rate => rate = Some(units::packet_rate(value).map_err(failed)?),
            _ => bound = units::probability(value).map_err(failed)?,
        }
        Ok(Self {
            text: text.trim().to_owned(),
            of,
            metric,
            comparison,
            bound,
            rate,
        })
    }
}

/// The name that differs the least.
fn nearest<'a>(text: &str, names: &[&'a str]) -> Option<&'a str> {
    let distances = names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(name, text), *name));
    let (distance, name) = distances.min()?;
    (distance <= 2).then_some(name)
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::figures::record;
    use super::*;

    fn figures() -> Figures {
        let mut figures = Figures {
            length: std::time::Duration::from_secs(1),
            ..Figures::default()
        };
        let mut trip = Stream::default();
        trip.sending.sent = 1000;
        trip.sending.scheduled = 1100;
        trip.sending.unsent = 100;
        (trip.counts.unique, trip.lost) = (990, 10);
        trip.counts.jitter = 5_000;
        figures.round_trip = Some(trip);
        for millis in 1..=100 {
            record(&mut figures.times.latency, millis * 1_000_000);
        }
        figures
    }

    #[test]
    fn objectives_are_judged() {
        for (text, want) in [
            ("p99>98ms", Verdict::Broken),
            ("p99 > 100ms", Verdict::Kept),
            ("p50<=51ms", Verdict::Broken),
            ("max>=100ms", Verdict::Broken),
            ("mean<1ms", Verdict::Kept),
            ("jitter>5us", Verdict::Kept),
            ("loss>0.9%", Verdict::Broken),
            ("loss>1%", Verdict::Kept),
            ("unsent>5%", Verdict::Broken),
            ("rate<1001pps", Verdict::Broken),
            ("rate<800kbit", Verdict::Kept),
            ("up.loss>0", Verdict::Unknown),
            ("down.p99>1ms", Verdict::Unknown),
            ("slip.p99.9>1ms", Verdict::Unknown),
        ] {
            let objective: Objective = text.parse().unwrap();
            assert_eq!(objective.judge(&figures(), 100).0, want, "{text}");
            assert_eq!(objective.to_string(), text);
        }
    }

    #[test]
    fn the_column_of_a_slip_is_named() {
        for (text, column, want) in [
            ("p99", 4, "no < or >"),
            ("los>1%", 1, "did you mean loss?"),
            ("up.los>1%", 4, "did you mean loss?"),
            ("  upp.p99>1ms", 3, "neither rtt"),
            ("p999>1ms", 1, "p0 to p100"),
            ("p99>2", 5, "2ms or 2s"),
            ("p99 >= 2mz", 8, "unknown unit"),
            ("loss>0.5", 6, "0.5% or 50%"),
            ("rate<5", 6, "5pps"),
            ("slip.loss>1%", 1, "does not go with"),
            ("µ>1ms", 1, "no such figure"),
        ] {
            let error = text.parse::<Objective>().unwrap_err().to_string();
            assert!(
                error.contains(&format!("column {column}: ")) && error.contains(want),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn junk_is_refused_or_read(text in "[a-z0-9.<>=% µ]{0,16}") {
            let _ = text.parse::<Objective>();
        }
    }
}

//! Axes: where they begin and end, and what is written on them.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use super::Room;
use crate::report::text::{per_second, percent, time};

/// An axis.
#[derive(Clone)]
pub(in crate::report) struct Axis {
    low: f64,
    high: f64,
    /// Where a label stands.
    ticks: Vec<f64>,
    label: fn(f64) -> String,
    /// What stands at 0, 1 and so on, instead.
    names: Vec<String>,
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let part = (value.clamp(self.low, self.high) - self.low) / (self.high - self.low);
        from + (part * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let name = self.names.get(value.round() as usize);
        name.map_or_else(|| (self.label)(*value), String::clone)
    }
}

impl Axis {
    /// Names, from below.
    pub(in crate::report) fn names(names: Vec<String>) -> Self {
        let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
        Self {
            low: -0.6,
            high: f64::from(count) - 0.4,
            ticks: (0..count).map(f64::from).collect(),
            label: |_| String::new(),
            names,
        }
    }

    /// How many names it has; 0 if it has numbers.
    pub(super) fn count(&self) -> usize {
        self.names.len()
    }

    /// The letters of its longest label.
    pub(super) fn letters(&self) -> usize {
        let all = self.names.iter().map(|name| name.chars().count());
        all.max().unwrap_or_default()
    }

    /// It with the labels that there is room for.
    pub(super) fn with_room(&self, room: Room) -> Self {
        if self.count() > 0 {
            return self.clone();
        }
        let ticks = self.ticks_for(room);
        Self {
            ticks,
            ..self.clone()
        }
    }

    fn ticks_for(&self, room: Room) -> Vec<f64> {
        let most = match room {
            Room::Narrow => 6.0,
            _ => 14.0,
        };
        let apart = (self.high - self.low) / most;
        let mut ticks: Vec<f64> = Vec::new();
        for tick in &self.ticks {
            if ticks.last().is_none_or(|last| tick - last >= apart) {
                ticks.push(*tick);
            }
        }
        ticks
    }

    /// Nanoseconds on a scale of powers of ten, as their logarithm.
    pub(super) fn logarithmic(values: impl IntoIterator<Item = f64>) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::MAX, 0.0), |(low, high): (f64, f64), value| {
            (low.min(value), high.max(value))
        });
        let (low, high) = if low > high { (3.0, 6.0) } else { (low, high) };
        // Whole powers when there are many; else twos and fives, too.
        let (low, high) = (low - 0.05, high + 0.08);
        let mut ticks = Vec::new();
        for power in low.floor() as i32..=high.ceil() as i32 {
            let steps: &[f64] = match high - low {
                ..1.5 => &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
                ..3.0 => &[1.0, 2.0, 5.0],
                _ => &[1.0],
            };
            let all = steps.iter().map(|step| step.log10() + f64::from(power));
            ticks.extend(all.filter(|tick| (low..=high).contains(tick)));
        }
        Self {
            low,
            high,
            ticks,
            label: |value| short(&time(10_f64.powf(value).round() as u64)),
            names: Vec::new(),
        }
    }

    /// A quantity from 0 on.
    fn from_zero(most: f64, label: fn(f64) -> String) -> Self {
        let most = if most.is_finite() && most > 0.0 {
            most
        } else {
            1.0
        };
        let step = nice(most / 4.0);
        let high = most * 1.08;
        let ticks = (0..=12).map(|number| f64::from(number) * step);
        Self {
            low: 0.0,
            high,
            ticks: ticks.take_while(|tick| *tick <= high).collect(),
            label,
            names: Vec::new(),
        }
    }

    /// Datagrams per second.
    pub(in crate::report) fn rates(most: f64) -> Self {
        Self::from_zero(most, |rate| short(&per_second(rate)))
    }

    /// Parts of a whole.
    pub(super) fn parts(most: f64) -> Self {
        Self::from_zero(most, |part| short(&percent(part)))
    }

    /// Seconds since the start.
    pub(super) fn seconds(low: f64, high: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        let step = [
            1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0,
            60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21600.0, 43200.0, 86400.0,
        ];
        let step = step.into_iter().find(|step| (high - low) / step <= 11.0);
        let step = step.unwrap_or_else(|| nice((high - low) / 8.0));
        let first = (low / step).ceil();
        let ticks = (0..=12).map(|number| (first + f64::from(number)) * step);
        Self {
            low,
            high,
            ticks: ticks.take_while(|tick| *tick <= high).collect(),
            label: if high < 100.0 {
                |value| short(&format!("{value:.3} s"))
            } else {
                clock
            },
            names: Vec::new(),
        }
    }

    /// Quantiles, as the negative logarithm of what is beyond them.
    pub(super) fn quantiles(most: f64) -> Self {
        let ticks = [0.0, 0.5_f64.log10().abs(), 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        Self {
            low: 0.0,
            high: most,
            ticks: ticks.into_iter().filter(|tick| *tick <= most).collect(),
            label: |value| match (value * 10.0).round() as i64 {
                0 => "0 %".into(),
                3 => "50 %".into(),
                10 => "90 %".into(),
                20 => "99 %".into(),
                tenths => {
                    let nines = (tenths / 10 - 2).clamp(0, 9) as usize;
                    format!("99.{} %", "9".repeat(nines))
                }
            },
            names: Vec::new(),
        }
    }
}

/// Without zeros behind the point.
fn short(text: &str) -> String {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    if number.contains('.') {
        let number = number.trim_end_matches('0').trim_end_matches('.');
        format!("{number} {unit}")
    } else {
        text.to_owned()
    }
}

/// A time since the start.
fn clock(seconds: f64) -> String {
    let whole = seconds.round() as i64;
    match seconds {
        3600.0.. => format!("{}:{:02} h", whole / 3600, whole % 3600 / 60),
        _ => format!("{}:{:02}", whole / 60, whole % 60),
    }
}

/// The next 1, 2 or 5 times a power of ten.
fn nice(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let next = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|it| it * power >= step * 0.999);
    next.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_few_and_short() {
        let labels = |axis: &Axis, room| -> Vec<String> {
            axis.ticks_for(room)
                .iter()
                .map(|tick| (axis.label)(*tick))
                .collect()
        };
        let times = Axis::logarithmic([4.0, 7.5]);
        assert_eq!(
            labels(&times, Room::Wide),
            ["10 µs", "100 µs", "1 ms", "10 ms"]
        );
        assert_eq!(
            labels(&Axis::quantiles(4.2), Room::Wide),
            ["0 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %"]
        );
        assert_eq!(
            labels(&Axis::rates(100_000.0), Room::Wide),
            ["0 pps", "50 kpps", "100 kpps"]
        );
        assert_eq!(
            labels(&Axis::parts(0.02), Room::Wide).last().unwrap(),
            "2 %"
        );
        for high in [0.002, 0.9, 10.0, 61.0, 5000.0, 1e6, 1e12, f64::MAX] {
            for room in [Room::Wide, Room::Narrow] {
                let labels = labels(&Axis::seconds(0.0, high), room);
                assert!((2..=13).contains(&labels.len()), "{high}: {labels:?}");
            }
        }
    }

    #[test]
    fn odd_values_are_survived() {
        for axis in [
            Axis::logarithmic([]),
            Axis::logarithmic([f64::NAN, f64::INFINITY]),
            Axis::rates(f64::NAN),
            Axis::parts(0.0),
            Axis::seconds(5.0, 5.0),
        ] {
            assert!(axis.low < axis.high && axis.ticks.len() < 100);
        }
    }
}

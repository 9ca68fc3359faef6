//! What each picture shows.

use plotters::style::RGBColor;

use super::{AMBER, Axis, BLUE, Chart, GREY, ROSE, Series, Shape, TEAL};
use crate::report::distribution::Distribution;
use crate::report::merge::Merged;
use crate::report::run::{Figures, Stream};
use crate::report::text::{per_second, percent, time};

/// All pictures that there is something to show in.
pub(in crate::report) fn charts(new: &Merged, old: Option<&Merged>) -> Vec<Chart> {
    let all = [latency(new), percentiles(new, old), rates(new), losses(new)];
    all.into_iter().flatten().collect()
}

/// A line in steps: each interval is as wide as it is long; where it has no value, there is a gap.
fn steps(intervals: &[Figures], value: impl Fn(&Figures) -> Option<f64>) -> Vec<Vec<(f64, f64)>> {
    let mut pieces: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    let mut end = None;
    for interval in intervals {
        let (from, to) = span(interval);
        let value = value(interval).filter(|value| value.is_finite());
        // Half an interval more is no gap, but the clock's.
        let is_gap = end.is_some_and(|end| from > end + (to - from) * 0.5);
        if value.is_none() || is_gap {
            pieces.push(Vec::new());
        }
        if let (Some(value), Some(piece)) = (value, pieces.last_mut()) {
            piece.extend([(from, value), (to, value)]);
        }
        end = Some(to);
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn span(interval: &Figures) -> (f64, f64) {
    let from = interval.start_ns as f64 / 1e9;
    (from, from + interval.seconds())
}

/// The points of a line without a gap.
type Piece = Vec<(f64, f64)>;

/// The area between two lines of the same steps.
fn between(low: &[Piece], high: &[Piece]) -> Vec<Piece> {
    low.iter()
        .zip(high)
        .map(|(low, high)| low.iter().chain(high.iter().rev()).copied().collect())
        .collect()
}

fn seconds(intervals: &[Figures]) -> Axis {
    let low = intervals.first().map_or(0.0, |first| span(first).0);
    let high = intervals.iter().map(|it| span(it).1).fold(low, f64::max);
    Axis::seconds(low, high)
}

/// Each percentile over time.
fn latency(merged: &Merged) -> Option<Chart> {
    let (name, total) = merged.total.main_times()?;
    let at = |quantile: f64| {
        steps(&merged.intervals, |interval| {
            let (its, times) = interval.main_times()?;
            let is_same = its == name && !times.is_empty();
            is_same.then(|| (times.quantile(quantile).max(1) as f64).log10())
        })
    };
    let (p50, p90, p99, max) = (at(0.5), at(0.9), at(0.99), at(1.0));
    let all = p50.iter().chain(&max).flatten().map(|point| point.1);
    let y = Axis::logarithmic(all);
    let area = |colour: RGBColor, low, high| Series {
        name: String::new(),
        colour,
        shape: Shape::Area,
        pieces: between(low, high),
    };
    let line = |name: &str, colour, width, pieces| Series {
        name: name.into(),
        colour,
        shape: Shape::Line(width),
        pieces,
    };
    let series = vec![
        area(BLUE, &p50, &p90),
        area(AMBER, &p90, &p99),
        line("max", ROSE, 4, max),
        line("p99", AMBER, 7, p99),
        line("p90", TEAL, 7, p90),
        line("p50", BLUE, 9, p50),
    ];
    Some(Chart {
        id: "latency".into(),
        title: "Latency over time".into(),
        text: format!(
            "Percentiles of the {name} in each interval, on a logarithmic scale. Over the whole time: p50 {}, p99 {}, \
             maximum {}.",
            time(total.quantile(0.5)),
            time(total.quantile(0.99)),
            time(total.max())
        ),
        x: seconds(&merged.intervals),
        y,
        series,
    })
}

/// A distribution as a line: the value at each quantile, which are the further apart the nearer to 1.
fn curve(times: &Distribution) -> Vec<(f64, f64)> {
    let all = times.count() as f64;
    let mut points = Vec::new();
    let (mut seen, mut last) = (0_u64, f64::NEG_INFINITY);
    for &(value, count) in times.buckets() {
        let before = -(1.0 - seen as f64 / all).max(1e-12).log10();
        seen = seen.saturating_add(count);
        let value = (value.max(1) as f64).log10();
        // Points nearer than a pixel are one.
        if before - last > 0.004 || points.is_empty() {
            points.push((before, value));
            last = before;
        } else if let Some(point) = points.last_mut() {
            point.1 = value;
        }
    }
    // The largest value is beyond every quantile.
    if let Some(&(_, value)) = points.last() {
        points.push((all.max(1.0).log10(), value));
    }
    points
}

/// The distributions of the whole time.
fn percentiles(new: &Merged, old: Option<&Merged>) -> Option<Chart> {
    let mut series = Vec::new();
    let mut add = |name: String, colour, width, times: &Distribution| {
        if !times.is_empty() {
            series.push(Series {
                name,
                colour,
                shape: Shape::Line(width),
                pieces: vec![curve(times)],
            });
        }
    };
    if let Some((name, times)) = old.and_then(|old| old.total.main_times()) {
        add(format!("{name} before"), GREY, 9, times);
    }
    let (main, times) = new.total.main_times()?;
    for (name, times) in new.total.times() {
        let (colour, width) = match name {
            _ if name == main => (BLUE, 9),
            "from send" => (TEAL, 6),
            "send slip" => (GREY, 6),
            "up" => (AMBER, 6),
            _ => (ROSE, 6),
        };
        // When two are compared, only these.
        if old.is_none() || name == main {
            add(name.into(), colour, width, times);
        }
    }
    let points = || series.iter().flat_map(|it| &it.pieces).flatten();
    let most = points().map(|point| point.0).fold(1.0, f64::max).min(6.0);
    for piece in series.iter_mut().flat_map(|it| &mut it.pieces) {
        for point in piece {
            point.0 = point.0.min(most);
        }
    }
    let values = series.iter().flat_map(|it| &it.pieces).flatten();
    let y = Axis::logarithmic(values.map(|point| point.1));
    Some(Chart {
        id: "percentiles".into(),
        title: "Distribution".into(),
        text: format!(
            "Which part of the {} values is below which time, both on a logarithmic scale: p50 {}, p90 {}, p99 {}, \
             p99.9 {}.",
            times.count(),
            time(times.quantile(0.5)),
            time(times.quantile(0.9)),
            time(times.quantile(0.99)),
            time(times.quantile(0.999))
        ),
        x: Axis::quantiles(most),
        y,
        series,
    })
}

/// The rate asked for, and the rate reached.
fn rates(merged: &Merged) -> Option<Chart> {
    let of = |value: fn(&Figures) -> f64| {
        // A wait for the last answers has no rate.
        steps(&merged.intervals, |it| (it.sent() > 0).then(|| value(it)))
    };
    let asked = of(|it| it.asked_per_second);
    let sent = of(|it| it.sent_per_second);
    let most = asked.iter().chain(&sent).flatten().map(|point| point.1);
    let most = most.fold(0.0, f64::max);
    if sent.is_empty() || most <= 0.0 {
        return None;
    }
    let total = &merged.total;
    let mut series = Vec::new();
    let mut text = format!(
        "Datagrams sent per second: {} on average.",
        per_second(total.sent_per_second)
    );
    if total.asked_per_second > 0.0 {
        text += &format!(" Asked for: {}.", per_second(total.asked_per_second));
        series.push(("asked for", GREY, 12, asked));
    }
    series.push(("sent", BLUE, 7, sent));
    Some(Chart {
        id: "rate".into(),
        title: "Rate asked for and reached".into(),
        text,
        x: seconds(&merged.intervals),
        y: Axis::rates(most),
        series: lines(series),
    })
}

fn lines(all: Vec<(&str, RGBColor, u32, Vec<Piece>)>) -> Vec<Series> {
    all.into_iter()
        .map(|(name, colour, width, pieces)| Series {
            name: name.into(),
            colour,
            shape: Shape::Line(width),
            pieces,
        })
        .collect()
}

/// The loss of each direction, reordering and copies; `None` if there is none of them.
fn losses(merged: &Merged) -> Option<Chart> {
    type Part = fn(&Stream) -> (u64, u64);
    let lost: Part = |stream| (stream.lost, stream.sent);
    let reordered: Part = |stream| (stream.reordered, stream.arrived);
    let copies: Part = |stream| (stream.duplicates, stream.arrived);
    let share = |(part, whole): (u64, u64)| part as f64 / whole.max(1) as f64;
    let one = |name: &'static str, part: Part| {
        steps(&merged.intervals, move |interval| {
            let (_, stream) = interval.streams().find(|(its, _)| *its == name)?;
            let (part, whole) = part(stream);
            (whole > 0).then(|| share((part, whole)).min(1.0))
        })
    };
    let total = &merged.total;
    let mut series = Vec::new();
    let mut text = Vec::new();
    for (name, stream) in total.streams() {
        let (label, colour) = match name {
            "up" => ("lost up", AMBER),
            "down" => ("lost down", ROSE),
            _ => ("lost", ROSE),
        };
        // What a session counts in each direction, the round trip counts once more.
        if name == "round trip" && (total.up.is_some() || total.down.is_some()) {
            continue;
        }
        text.push(format!("{label} {}", percent(share(lost(stream)))));
        series.push((label, colour, 8, one(name, lost)));
        for (label, colour, part) in [("reordered", TEAL, reordered), ("duplicates", BLUE, copies)]
        {
            let label = match (label, name) {
                ("reordered", "up") => "reordered up",
                ("reordered", "down") => "reordered down",
                (_, "up") => "duplicates up",
                (_, "down") => "duplicates down",
                (label, _) => label,
            };
            if share(part(stream)) > 0.0 {
                text.push(format!("{label} {}", percent(share(part(stream)))));
                series.push((
                    label,
                    colour,
                    if name == "down" { 4 } else { 7 },
                    one(name, part),
                ));
            }
        }
    }
    let points = series.iter().flat_map(|it| &it.3).flatten();
    let most = points.map(|point| point.1).fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    Some(Chart {
        id: "loss".into(),
        title: "Loss, reordering and duplicates over time".into(),
        text: format!(
            "Parts of the datagrams in each interval. Over the whole time: {}.",
            text.join(", ")
        ),
        x: seconds(&merged.intervals),
        y: Axis::parts(most),
        series: lines(series),
    })
}

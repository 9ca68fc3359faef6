//! Runs as one: aligned by the wall clock, added up without loss.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::run::{Figures, Run, Together, condense};
use crate::error::{Error, Result};

/// The most intervals of a picture.
const INTERVALS: usize = 600;

/// A run is far from the others if its figure is this many median absolute deviations from their median
/// (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993: a modified z-score of 3.5) ...
const FAR: f64 = 3.5;

/// ... and differs from that median by this part of it at least.
const MATTERS: f64 = 0.1;

/// What is far only counts beyond this, for a loss.
const LOSS: f64 = 0.001;

/// Runs that were merged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Merged {
    /// The peer of all of them; `None` if no run says it.
    pub target: Option<String>,
    /// When the first one started.
    pub started: SystemTime,
    /// The runs, in the order of their start.
    pub runs: Vec<Run>,
    /// Figures over time: of all runs together.
    pub intervals: Vec<Figures>,
    /// The figures of all of it.
    pub total: Figures,
    /// What is odd about them, for people.
    pub remarks: Vec<String>,
}

impl Merged {
    /// Merges runs: each interval counts once, with the intervals of the other runs at its time.
    ///
    /// # Errors
    /// If there is no run, if they have different targets, and if their histograms differ in precision.
    pub fn new(mut runs: Vec<Run>) -> Result<Self> {
        runs.sort_by_key(|run| run.started);
        let Some(first) = runs.first() else {
            return Err(Error::invalid("merge", "runs", "there is none"));
        };
        let target = same_target(&runs)?;
        if let Some([one, other]) = same_run(&runs) {
            let reason = format!(
                "{} and {} are the same run",
                shown(&one.name),
                shown(&other.name)
            );
            return Err(Error::invalid("merge", "runs", reason).with_remedy("name each run once"));
        }
        let started = first.started;
        let mut remarks = Vec::new();
        for run in &runs {
            remarks.extend(
                run.remarks
                    .iter()
                    .map(|remark| format!("{}: {remark}", run.name)),
            );
            if !run.is_complete && run.remarks.is_empty() {
                remarks.push(format!("{}: it was stopped before its end", run.name));
            }
            for (name, stream) in run.total.streams().filter(|(_, it)| !it.is_balanced()) {
                remarks.push(format!(
                    "{}: the books of the {name} do not balance: {} were due, {} sent",
                    run.name, stream.scheduled, stream.sent
                ));
            }
        }
        let aligned = align(&runs, started).and_then(|mut intervals| {
            condense(&mut intervals, INTERVALS)?;
            Ok((intervals, whole(&runs, started)?))
        });
        let (intervals, total) = aligned.map_err(|why| Error::invalid("merge", "runs", why))?;
        remarks.extend(disagreements(&runs));
        Ok(Self {
            target,
            started,
            intervals,
            total,
            remarks,
            runs,
        })
    }
}

fn shown(name: &str) -> String {
    name.escape_debug().to_string()
}

/// The target of all runs that say it.
fn same_target(runs: &[Run]) -> Result<Option<String>> {
    let mut known: Option<(&Run, &String)> = None;
    for run in runs {
        match (known, &run.target) {
            (Some((first, target)), Some(other)) if target != other => {
                let reason = format!(
                    "{} has the target {} and {} has {}",
                    shown(&first.name),
                    shown(target),
                    shown(&run.name),
                    shown(other)
                );
                return Err(Error::invalid("merge", "runs", reason)
                    .with_remedy("report them one by one, or compare them with --against"));
            }
            (None, Some(target)) => known = Some((run, target)),
            _ => {}
        }
    }
    Ok(known.map(|(_, target)| target.clone()))
}

/// Two runs that are one, as a file that was named twice.
fn same_run(runs: &[Run]) -> Option<[&Run; 2]> {
    let is_one = |pair: &&[Run]| {
        let latencies = [&pair[0], &pair[1]].map(|run| &run.total.latency);
        pair[0].started == pair[1].started && latencies[0].is_some() && latencies[0] == latencies[1]
    };
    let pair = runs.windows(2).find(is_one)?;
    Some([&pair[0], &pair[1]])
}

/// By how much a run started after the first one.
fn behind(run: &Run, started: SystemTime) -> u64 {
    let since = run.started.duration_since(started).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Figures moved in time.
fn moved(figures: &Figures, by: u64) -> Figures {
    Figures {
        start_ns: figures.start_ns.saturating_add(by),
        ..figures.clone()
    }
}

/// Puts the intervals of all runs into slots of time, as long as the longest usual interval: each interval
/// into the slot of its middle.
fn align(runs: &[Run], started: SystemTime) -> Result<Vec<Figures>, String> {
    if let [run] = runs {
        return Ok(run.intervals.clone());
    }
    let usual = |run: &Run| {
        let mut lengths: Vec<u64> = run.intervals.iter().map(|it| it.elapsed_ns).collect();
        lengths.sort_unstable();
        lengths.get(lengths.len() / 2).copied()
    };
    let slot = runs
        .iter()
        .filter_map(usual)
        .max()
        .unwrap_or_default()
        .max(1);
    let mut slots: BTreeMap<u64, Figures> = BTreeMap::new();
    for run in runs {
        let by = behind(run, started);
        // A run's own intervals in one slot are one after the other.
        let mut own: BTreeMap<u64, Figures> = BTreeMap::new();
        for interval in &run.intervals {
            let interval = moved(interval, by);
            let middle = interval.start_ns.saturating_add(interval.elapsed_ns / 2);
            add(&mut own, middle / slot, interval, Together::After)?;
        }
        for (at, figures) in own {
            add(&mut slots, at, figures, Together::Beside)?;
        }
    }
    let mut intervals = Vec::with_capacity(slots.len());
    for (at, mut figures) in slots {
        (figures.start_ns, figures.elapsed_ns) = (at.saturating_mul(slot), slot);
        intervals.push(figures);
    }
    Ok(intervals)
}

fn add(
    slots: &mut BTreeMap<u64, Figures>,
    at: u64,
    figures: Figures,
    together: Together,
) -> Result<(), String> {
    match slots.get_mut(&at) {
        Some(known) => known.add(&figures, together),
        None => {
            slots.insert(at, figures);
            Ok(())
        }
    }
}

/// The sum of the runs: their rates add up if they ran together.
fn whole(runs: &[Run], started: SystemTime) -> Result<Figures, String> {
    let mut total: Option<Figures> = None;
    for run in runs {
        let figures = moved(&run.total, behind(run, started));
        match &mut total {
            None => total = Some(figures),
            Some(total) => {
                let is_after = figures.start_ns >= total.end_ns();
                let together = if is_after {
                    Together::After
                } else {
                    Together::Beside
                };
                total.add(&figures, together)?;
            }
        }
    }
    Ok(total.unwrap_or_default())
}

/// Names each run that is far from the others.
fn disagreements(runs: &[Run]) -> Vec<String> {
    let quantile = |run: &Run, quantile| {
        let (_, times) = run.total.main_times()?;
        // Below ten values beyond it, a percentile is chance.
        let beyond = times.count() as f64 * (1.0 - quantile);
        (beyond >= 10.0).then(|| times.quantile(quantile) as f64)
    };
    type Figure<'a> = (
        &'a str,
        Box<dyn Fn(&Run) -> Option<f64> + 'a>,
        fn(f64) -> String,
        f64,
    );
    let figures: [Figure<'_>; 5] = [
        (
            "a median latency",
            Box::new(|run| quantile(run, 0.5)),
            time,
            0.0,
        ),
        (
            "a 99th percentile",
            Box::new(|run| quantile(run, 0.99)),
            time,
            0.0,
        ),
        (
            "a loss",
            Box::new(|run| run.total.streams().next().map(|_| run.total.loss())),
            |loss| super::text::percent(loss),
            LOSS,
        ),
        (
            "a rate",
            Box::new(|run| (run.total.sent() > 0).then_some(run.total.sent_per_second)),
            |rate| super::text::per_second(rate),
            0.0,
        ),
        (
            "a 99th percentile of send slip",
            Box::new(|run| {
                let slip = run.total.slip.as_ref()?;
                Some(slip.quantile(0.99) as f64)
            }),
            time,
            // Slip below that is that of any machine.
            1e6,
        ),
    ];
    let mut found = Vec::new();
    for (what, figure, shown, least) in &figures {
        let values: Vec<(&Run, f64)> = runs
            .iter()
            .filter_map(|run| Some((run, figure(run)?)))
            .collect();
        for (run, value, middle) in far(&values, *least) {
            found.push(match values.len() {
                2 => format!(
                    "the two runs disagree: {} has {what} of {}, the other {}",
                    run.name,
                    shown(value),
                    shown(middle)
                ),
                _ => format!(
                    "{} is far from the others: it has {what} of {}, their median is {}",
                    run.name,
                    shown(value),
                    shown(middle)
                ),
            });
        }
    }
    found
}

fn time(nanos: f64) -> String {
    super::text::time(nanos as u64)
}

/// The values that are far from the others, each with what it is far from.
fn far<'a>(values: &[(&'a Run, f64)], least: f64) -> Vec<(&'a Run, f64, f64)> {
    if let [(run, value), (_, other)] = *values {
        // Which of two is right cannot be known: only a factor of 1.5 is told.
        let (low, high) = (value.min(other), value.max(other));
        let is_far = high > low * 1.5 && high - low > least;
        return if is_far {
            vec![(run, value, other)]
        } else {
            Vec::new()
        };
    }
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let upper = values.get(values.len() / 2).copied().unwrap_or_default();
        let lower = values.get(values.len().saturating_sub(1) / 2);
        lower.copied().unwrap_or_default().midpoint(upper)
    };
    if values.len() < 3 {
        return Vec::new();
    }
    let middle = median(values.iter().map(|(_, value)| *value).collect());
    let spread = median(
        values
            .iter()
            .map(|(_, value)| (value - middle).abs())
            .collect(),
    );
    let is_far = |value: f64| {
        let by = (value - middle).abs();
        0.6745 * by > FAR * spread && by > MATTERS * middle.abs() && by > least
    };
    values
        .iter()
        .filter(|(_, value)| is_far(*value))
        .map(|(run, value)| (*run, *value, middle))
        .collect()
}

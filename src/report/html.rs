//! One page of a result, which needs nothing else: no script, no font, no network.

use std::time::{Duration, SystemTime};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::compare::{Change, FEWEST, Unit, Verdict};
use super::merge::Merged;
use super::plot::{self, Chart, Room};
use super::run::{Figures, Run};
use super::setting::{counted, machine};
use super::text::{grouped, per_second, percent, time};

/// The style of the page.
pub(super) const STYLE: &str = include_str!("style.css");

/// What a browser may load for the page: nothing.
pub(super) const POLICY: &str = include_str!("policy.txt");

/// The quantiles of the table.
const QUANTILES: [(&str, f64); 6] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
    ("p99.999", 0.999_99),
];

/// What a result is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    /// The result before.
    old: &'a Merged,
    /// What changed since.
    changes: &'a [Change],
}

impl<'a> Comparison<'a> {
    /// What [`compare`](super::compare()) found between `old` and the result of the page.
    pub fn new(old: &'a Merged, changes: &'a [Change]) -> Self {
        Self { old, changes }
    }
}

/// The page of a result as HTML, in one file.
///
/// What comes from the runs is escaped, and a policy in the page forbids scripts and requests.
pub fn html(merged: &Merged, comparison: Option<Comparison<'_>>) -> String {
    let target = merged.target.as_deref().unwrap_or("unknown target");
    let charts = plot::charts(merged, comparison.map(|it| it.old));
    let is_any_lost = charts.iter().any(|chart| chart.id == "loss");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { "udpraw load: " (target) }
                style { (PreEscaped(STYLE)) (PreEscaped(plot::STYLE)) }
            }
            body {
                main {
                    header {
                        h1 { "Load on " (target) }
                        p.lead { (lead(merged)) }
                    }
                    (tiles(merged))
                    (remarks(&merged.remarks))
                    @if let Some(comparison) = comparison { (changes(comparison)) }
                    @for chart in &charts { (figure(chart)) }
                    @if !is_any_lost && merged.total.sent() > 0 {
                        section { h2 { "Loss, reordering and duplicates" } p { "There was none." } }
                    }
                    (times(&merged.total))
                    (books(&merged.total))
                    (clocks(merged))
                    (runs(&merged.runs))
                    footer {
                        "Made by udpraw " (env!("CARGO_PKG_VERSION"))
                        ". Times are those of HdrHistogram buckets: right to three digits."
                    }
                }
            }
        }
    };
    page.into_string()
}

/// Each picture of a result: the name of its file, and the SVG. With `old`, its distribution is beside the new
/// one.
pub fn pictures(new: &Merged, old: Option<&Merged>) -> Vec<(String, String)> {
    plot::files(new, old)
}

fn lead(merged: &Merged) -> String {
    let total = &merged.total;
    let is_open = merged.runs.iter().all(|run| run.is_open_loop);
    let kind = match (is_open, total.sent()) {
        (_, 0) => "histograms",
        (true, _) => "open loop",
        (false, _) => "closed loop: times hide how long the peer stood still",
    };
    let runs = match merged.runs.len() {
        1 => String::new(),
        many => format!(", {many} runs"),
    };
    format!(
        "{} for {}, {kind}{runs}",
        moment(merged.started),
        length(total.elapsed_ns)
    )
}

/// A moment in UTC.
pub(super) fn moment(time: SystemTime) -> String {
    match jiff::Timestamp::try_from(time) {
        Ok(_) if time == SystemTime::UNIX_EPOCH => "At an unknown time".into(),
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => "At an unknown time".into(),
    }
}

/// A length of time.
fn length(nanos: u64) -> String {
    let seconds = Duration::from_nanos(nanos).as_secs_f64();
    match seconds {
        ..100.0 => format!("{seconds:.1} s"),
        ..6000.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

fn tiles(merged: &Merged) -> Markup {
    let total = &merged.total;
    let (lost, sent) = total.lost_of_sent();
    html! {
        dl.tiles {
            @if let Some((name, times)) = total.main_times() {
                @for (label, quantile) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
                    div { dt { (name) ", " (label) } dd { (time(times.quantile(quantile))) } }
                }
                div { dt { (name) ", max" } dd { (time(times.max())) } }
            }
            @if sent > 0 {
                div {
                    dt { "Lost" }
                    dd { (percent(total.loss())) small { (grouped(lost)) " of " (grouped(sent)) } }
                }
                div {
                    dt { "Rate sent" }
                    dd {
                        (per_second(total.sent_per_second))
                        @if total.asked_per_second > 0.0 { small { "of " (per_second(total.asked_per_second)) " asked for" } }
                    }
                }
            }
        }
    }
}

fn remarks(remarks: &[String]) -> Markup {
    html! {
        @if !remarks.is_empty() {
            section.remarks { h2 { "Read this first" } ul { @for remark in remarks { li { (remark) } } } }
        }
    }
}

fn figure(chart: &Chart) -> Markup {
    html! {
        section {
            h2 { (chart.title) }
            figure {
                div.wide { (PreEscaped(chart.svg(Room::Wide))) }
                div.narrow { (PreEscaped(chart.svg(Room::Narrow))) }
                figcaption.note { (chart.text) }
            }
        }
    }
}

/// A figure of a comparison.
fn quantity(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Nanos => time(value as u64),
        Unit::Part => percent(value),
        Unit::PerSecond => per_second(value),
    }
}

/// A change: of a part of a whole in percentage points.
fn change(unit: Unit, change: f64) -> String {
    let number = change * 100.0;
    match unit {
        Unit::Part => format!("{number:+.3} points"),
        _ => format!("{number:+.1} %"),
    }
}

fn changes(Comparison { old, changes }: Comparison<'_>) -> Markup {
    let has_few = changes.iter().any(|it| it.verdict == Verdict::TooFew);
    html! {
        section {
            h2 { "Compared with " (moment(old.started)) }
            div.scroll tabindex="0" role="region" aria-label="Comparison" {
                table {
                    thead { tr {
                        th scope="col" { "" } th scope="col" { "before" } th scope="col" { "now" }
                        th scope="col" { "change" } th scope="col" { "99 % interval" } th scope="col" { "verdict" }
                    } }
                    tbody { @for it in changes { tr {
                        th scope="row" { (it.figure) }
                        td { (quantity(it.unit, it.old)) }
                        td { (quantity(it.unit, it.new)) }
                        td { (change(it.unit, it.change)) }
                        td { @match it.interval {
                            Some((low, high)) => { (change(it.unit, low)) " to " (change(it.unit, high)) }
                            None => "",
                        } }
                        td class=[class(it)] { (it.verdict.name()) }
                    } } }
                }
            }
            p.note {
                "Intervals by the stationary bootstrap (Politis and Romano, 1994) over the intervals of both. They "
                "show the noise within the runs, not that between runs on another day."
                @if has_few { " It takes at least " (FEWEST) " intervals on each side to say more." }
            }
        }
    }
}

fn class(change: &Change) -> Option<&'static str> {
    match change.verdict {
        Verdict::Higher | Verdict::Lower if change.is_worse() => Some("bad"),
        Verdict::Higher | Verdict::Lower => Some("good"),
        _ => None,
    }
}

fn times(total: &Figures) -> Markup {
    html! {
        @if total.times().next().is_some() {
            section {
                h2 { "Times" }
                div.scroll tabindex="0" role="region" aria-label="Times" {
                    table {
                        thead { tr {
                            th scope="col" { "" } th scope="col" { "count" } th scope="col" { "min" }
                            @for (name, _) in QUANTILES { th scope="col" { (name) } }
                            th scope="col" { "max" }
                        } }
                        tbody { @for (name, times) in total.times() { tr {
                            th scope="row" { (name) }
                            td { (grouped(times.count())) }
                            td { (time(times.min())) }
                            @for (_, quantile) in QUANTILES { td { (time(times.quantile(quantile))) } }
                            td { (time(times.max())) }
                        } } }
                    }
                }
                p.note {
                    "Latency counts from when a datagram was due, so that a peer that stands still shows in every "
                    "datagram of that time. Send slip is how late this machine sent."
                }
            }
        }
    }
}

fn books(total: &Figures) -> Markup {
    let columns = [
        "due",
        "refused",
        "not sent",
        "sent",
        "arrived",
        "lost",
        "on the way",
        "duplicates",
        "reordered",
    ];
    let more = [
        (
            "dropped by our own receive buffers",
            Some(total.kernel_drops),
        ),
        (
            "dropped by the peer's receive buffers, of all its clients",
            total.peer_kernel_drops,
        ),
        (
            "not answered, being above the peer's limits",
            Some(total.over_limit),
        ),
        ("received that belong to no question", Some(total.foreign)),
        ("errors of the network and of sends", Some(total.errors)),
    ];
    let more: Vec<_> = more
        .into_iter()
        .filter_map(|(what, count)| Some((what, count.filter(|count| *count > 0)?)))
        .collect();
    html! {
        @if total.streams().next().is_some() {
            section {
                h2 { "Books" }
                div.scroll tabindex="0" role="region" aria-label="Books" {
                    table {
                        thead { tr { th scope="col" { "" } @for name in columns { th scope="col" { (name) } } th scope="col" { "balance" } } }
                        tbody { @for (name, stream) in total.streams() { tr {
                            th scope="row" { (name) }
                            @for count in [
                                stream.scheduled, stream.send_errors, stream.unsent, stream.sent, stream.arrived,
                                stream.lost, stream.in_flight, stream.duplicates, stream.reordered,
                            ] { td { (grouped(count)) } }
                            @if stream.is_balanced() { td.good { "yes" } } @else { td.bad { "NO" } }
                        } } }
                    }
                }
                @for (what, count) in &more { p.note { (grouped(*count)) " " (what) "." } }
                @if let Some(error) = &total.first_error { p.note { "The first error: " (error) } }
                p.note { "Due = refused + not sent in time + sent. Sent = arrived + lost + on the way." }
            }
        }
    }
}

fn clocks(merged: &Merged) -> Markup {
    let all: Vec<_> = merged
        .runs
        .iter()
        .filter_map(|run| Some((run, run.total.clock.as_ref()?)))
        .collect();
    html! {
        @if !all.is_empty() {
            section {
                h2 { "Clocks" }
                div.scroll tabindex="0" role="region" aria-label="Clocks" {
                    table.runs {
                        thead { tr {
                            th scope="col" { "run" } th scope="col" { "clocks" } th scope="col" { "offset" }
                            th scope="col" { "error at most" } th scope="col" { "drift" }
                        } }
                        tbody { @for (run, clock) in all { tr {
                            th scope="row" { (run.name) }
                            td { (clock.state) }
                            td { @if let Some(offset) = clock.offset_ns { (format!("{:.1} µs", offset / 1e3)) } }
                            td { @if let Some(error) = clock.error_ns { (format!("{:.1} µs", error / 1e3)) } }
                            td { @if let Some(drift) = clock.drift_ppm { (format!("{drift:.3} ppm")) } }
                        } } }
                    }
                }
                p.note { "One-way times are withheld where a clock was set in mid-run." }
            }
        }
    }
}

fn runs(runs: &[Run]) -> Markup {
    html! {
        @if runs.len() > 1 {
            section {
                h2 { "Runs" }
                div.scroll tabindex="0" role="region" aria-label="Runs" {
                    table {
                        thead { tr {
                            th scope="col" { "run" } th scope="col" { "started" } th scope="col" { "sent" }
                            th scope="col" { "lost" } th scope="col" { "p50" } th scope="col" { "p99" } th scope="col" { "max" }
                        } }
                        tbody { @for run in runs { tr {
                            th scope="row" { (run.name) }
                            td { (moment(run.started)) }
                            td { (grouped(run.total.sent())) }
                            td { (percent(run.total.loss())) }
                            @match run.total.main_times() {
                                Some((_, times)) => {
                                    td { (time(times.quantile(0.5))) }
                                    td { (time(times.quantile(0.99))) }
                                    td { (time(times.max())) }
                                }
                                None => { td {} td {} td {} }
                            }
                        } } }
                    }
                }
            }
        }
        @for run in runs {
            @let setting = &run.setting;
            @let machine = machine(run);
            section {
                h2 { @if runs.len() > 1 { "How " (run.name) " was made" } @else { "How it was made" } }
                table.keys { tbody {
                    tr { th scope="row" { "File" } td { (run.name) } }
                    @if !setting.command.is_empty() { tr { th scope="row" { "Repeat it" } td { pre { code { (setting.command) } } } } }
                    @if !machine.is_empty() { tr { th scope="row" { "Machine" } td { (machine) } } }
                    @if !setting.plan.is_empty() { tr { th scope="row" { "Rate" } td { (setting.plan) } } }
                    @if setting.flows > 0 { tr { th scope="row" { "Flows" } td { (counted(setting.flows, "flow")) ", " (counted(setting.workers, "thread")) ", " (setting.payload_bytes) " bytes per datagram" } } }
                    @if !setting.backend.is_empty() { tr { th scope="row" { "Backend" } td { (setting.backend) } } }
                    @if !setting.run.is_empty() { tr { th scope="row" { "Run" } td { code { (setting.run) } } } }
                } }
            }
        }
    }
}

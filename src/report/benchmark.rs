//! A benchmark as a page: rates of variants side by side, with their intervals.

use std::time::SystemTime;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::html::{POLICY, STYLE, moment};
use super::plot::{self, Axis, Chart, Room, Series, Shape};
use super::setting::{Setting, machine_of};
use super::text::{grouped, percent};

/// What a benchmark measured.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Benchmark {
    /// When it ended; `None` if that is not known.
    pub ended: Option<SystemTime>,
    /// The machine and the command.
    pub setting: Setting,
    /// The conditions of the measurement, a sentence each.
    pub conditions: Vec<String>,
    /// What is odd about it, for people.
    pub remarks: Vec<String>,
    /// What is compared with each other.
    pub groups: Vec<Group>,
}

/// Variants that do the same work.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Group {
    /// What is measured.
    pub title: String,
    /// Which variant is the fastest, as far as it can be told; empty if there is but one.
    pub verdict: String,
    /// The variants.
    pub variants: Vec<Variant>,
}

/// What was measured of a variant.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Variant {
    /// What it is.
    pub name: String,
    /// The median of the trials, in datagrams per second; and the interval that has the true one.
    pub median: f64,
    /// The lower end of that interval.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// The rate of each trial.
    pub trials: Vec<f64>,
    /// Payload in bits per second, by the median.
    pub bits_per_second: f64,
    /// The datagrams lost, as a part of those sent, from 0 to 1.
    pub loss: f64,
    /// CPU time in nanoseconds per datagram.
    pub cpu_ns: f64,
    /// System calls per datagram.
    pub syscalls: f64,
    /// Whether it wins, or is not to be trusted; empty if there is nothing to say.
    pub remark: String,
}

impl Benchmark {
    /// The page as HTML, in one file; as that of a load it needs nothing else, and forbids scripts and requests.
    pub fn html(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    meta name="viewport" content="width=device-width,initial-scale=1";
                    meta name="referrer" content="no-referrer";
                    title { "udpraw bench" @if !self.setting.host.is_empty() { ": " (self.setting.host) } }
                    style { (PreEscaped(STYLE)) (PreEscaped(plot::STYLE)) }
                }
                body {
                    main {
                        header {
                            h1 { "Benchmark" @if !self.setting.host.is_empty() { " of " (self.setting.host) } }
                            p.lead { (moment(self.ended.unwrap_or(SystemTime::UNIX_EPOCH))) }
                        }
                        @if !self.remarks.is_empty() {
                            section.remarks {
                                h2 { "Read this first" }
                                ul { @for remark in &self.remarks { li { (remark) } } }
                            }
                        }
                        @for (group, chart) in self.groups.iter().zip(self.charts()) { (section(group, &chart)) }
                        (self.how())
                        footer { "Made by udpraw " (env!("CARGO_PKG_VERSION")) "." }
                    }
                }
            }
        };
        page.into_string()
    }

    /// Each picture: the name of its file, and the SVG.
    pub fn pictures(&self) -> Vec<(String, String)> {
        let charts = self.charts();
        let file = |chart: &Chart| (format!("{}.svg", chart.id), chart.svg(Room::Alone));
        charts.iter().map(file).collect()
    }

    fn charts(&self) -> Vec<Chart> {
        let numbers = 1..;
        let groups = numbers.zip(&self.groups);
        groups.map(|(number, group)| chart(number, group)).collect()
    }

    fn how(&self) -> Markup {
        let (setting, machine) = (&self.setting, machine_of(&self.setting));
        html! {
            section {
                h2 { "How it was made" }
                table.keys { tbody {
                    @if !setting.command.is_empty() { tr { th scope="row" { "Repeat it" } td { pre { code { (setting.command) } } } } }
                    @if !machine.is_empty() { tr { th scope="row" { "Machine" } td { (machine) } } }
                    @for condition in &self.conditions { tr { th scope="row" { "" } td { (condition) } } }
                } }
            }
        }
    }
}

/// The variants of a group, one below the other.
fn chart(number: usize, group: &Group) -> Chart {
    let variants = &group.variants;
    let rows = variants.len();
    // The first one is on top.
    let at = |row: usize| (rows - 1 - row) as f64;
    let most = variants
        .iter()
        .flat_map(|one| one.trials.iter().chain([&one.high]))
        .fold(0.0_f64, |most, rate| most.max(*rate));
    let mut series = Vec::new();
    let mut line = |name: &str, shape, colour, pieces| {
        series.push(Series {
            name: name.into(),
            colour,
            shape,
            pieces,
        });
    };
    let intervals = (0..).zip(variants);
    let intervals = intervals.map(|(row, one)| vec![(one.low, at(row)), (one.high, at(row))]);
    line("interval", Shape::Line(24), plot::BLUE, intervals.collect());
    let trials = (0..).zip(variants).map(|(row, one)| {
        let rates = one.trials.iter();
        rates.map(|rate| (*rate, at(row) - 0.25)).collect()
    });
    line("trials", Shape::Dots(8), plot::TEAL, trials.collect());
    let medians = (0..).zip(variants);
    let medians = medians.map(|(row, one)| {
        let (low, high) = (at(row) - 0.3, at(row) + 0.3);
        vec![(one.median, low), (one.median, high)]
    });
    line("median", Shape::Line(12), plot::AMBER, medians.collect());
    let fastest = variants.iter().max_by(|a, b| a.median.total_cmp(&b.median));
    let text = fastest.map_or_else(String::new, |one| {
        format!(
            "The rate of {rows} variants, {}: the highest median is that of {}, {}.",
            group.title,
            one.name,
            plot::rate(one.median)
        )
    });
    let names = variants.iter().rev().map(|one| one.name.clone());
    Chart {
        id: format!("rate-{number}"),
        title: group.title.clone(),
        text,
        x: Axis::rates(most),
        y: Axis::names(names.collect()),
        series,
    }
}

fn section(group: &Group, chart: &Chart) -> Markup {
    let heads = [
        "datagrams/s",
        "from",
        "to",
        "Gbit/s",
        "lost",
        "CPU ns",
        "system calls",
    ];
    html! {
        section {
            h2 { (group.title) }
            figure {
                div.wide { (PreEscaped(chart.svg(Room::Wide))) }
                div.narrow { (PreEscaped(chart.svg(Room::Narrow))) }
                figcaption.note { (chart.text) @if !group.verdict.is_empty() { " " (group.verdict) "." } }
            }
            div.scroll tabindex="0" role="region" aria-label=(group.title) {
                table {
                    thead { tr {
                        th scope="col" { "" }
                        @for head in heads { th scope="col" { (head) } }
                        th scope="col" { "" }
                    } }
                    tbody { @for one in &group.variants { tr {
                        th scope="row" { (one.name) }
                        @for rate in [one.median, one.low, one.high] { td { (grouped(rate.round() as u64)) } }
                        td { (format!("{:.3}", one.bits_per_second / 1e9)) }
                        td { (percent(one.loss)) }
                        td { (format!("{:.0}", one.cpu_ns)) }
                        td { (format!("{:.3}", one.syscalls)) }
                        td { (one.remark) }
                    } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn benchmark() -> Benchmark {
        let variant = |name: &str, median: f64| Variant {
            name: name.into(),
            median,
            low: median * 0.9,
            high: median * 1.1,
            trials: vec![median * 0.95, median, median * 1.05],
            ..Variant::default()
        };
        let variants = vec![
            variant("offload to <offload>", 2.6e7),
            variant("batch", 6e5),
        ];
        Benchmark {
            groups: vec![Group {
                title: "sink & more, 64 B".into(),
                verdict: "offload wins".into(),
                variants,
            }],
            conditions: vec!["on <loopback>".into()],
            ..Benchmark::default()
        }
    }

    #[test]
    fn a_page_has_each_variant_and_is_escaped() {
        let page = benchmark().html();
        assert!(page.contains("offload to &lt;offload&gt;") && !page.contains("<offload>"));
        assert!(page.contains("sink &amp; more, 64 B") && page.contains("on &lt;loopback&gt;"));
        assert!(page.contains("26,000,000") && page.contains("offload wins."));
        assert_eq!(page.matches("<svg").count(), 2, "wide and narrow");
        let pictures = benchmark().pictures();
        assert_eq!(pictures.len(), 1);
        assert_eq!(pictures[0].0, "rate-1.svg");
        // Three trials of each, as points.
        assert_eq!(pictures[0].1.matches("<circle").count(), 6);
    }

    #[test]
    fn nothing_measured_is_a_page_too() {
        let empty = Benchmark::default();
        assert!(empty.html().contains("How it was made"));
        assert_eq!(empty.pictures(), []);
    }
}

//! Runs as one result: tables of one screen, or NDJSON.

pub(super) mod records;

use std::io;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use udpraw::report::{Change, Figures, Merged, Unit, Verdict, grouped, per_second, percent, time};

use self::records::{ChangeRecord, RemarkRecord, ResultRecord, RunRecord};
use super::{Output, count, style};

/// Reports runs, and what changed since old ones.
pub(crate) fn result(
    output: &mut Output,
    merged: &Merged,
    old: Option<&Merged>,
    changes: &[Change],
) -> io::Result<()> {
    if output.is_json() {
        for run in &merged.runs {
            output.record(&RunRecord::from(run))?;
        }
        for remark in &merged.remarks {
            output.record(&RemarkRecord { remark })?;
        }
        for change in changes {
            output.record(&ChangeRecord::from(change))?;
        }
        return output.record(&ResultRecord::from(merged));
    }
    for remark in &merged.remarks {
        output.note(remark.escape_debug());
    }
    if let (Some(was), Some(is)) = (old.and_then(|old| old.target.as_ref()), &merged.target)
        && was != is
    {
        let (was, is) = (was.escape_debug(), is.escape_debug());
        output.note(format_args!("the targets differ: {was} before, {is} now"));
    }
    for remark in old.iter().flat_map(|old| &old.remarks) {
        output.note(format_args!("--against: {}", remark.escape_debug()));
    }
    output.text(&text(merged, changes))
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(head.to_vec());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn text(merged: &Merged, changes: &[Change]) -> String {
    let total = &merged.total;
    let heading = style::HEADING;
    let target = merged.target.as_deref().unwrap_or("unknown target");
    let mut text = format!(
        "{heading}{}{heading:#}: {} in {:.1} s",
        target.escape_debug(),
        count(merged.runs.len() as u64, "run", "runs"),
        total.seconds(),
    );
    if total.sent() > 0 {
        text += &format!(", {} sent", per_second(total.sent_per_second));
    }
    if total.asked_per_second > 0.0 {
        text += &format!(" of {} asked for", per_second(total.asked_per_second));
    }
    text.push('\n');
    let mut add = |table: &Table| {
        if !table.is_empty() {
            text += &format!("\n{}\n", table.trim_fmt());
        }
    };
    add(&times(total));
    add(&streams(total));
    if merged.runs.len() > 1 {
        add(&runs(merged));
    }
    add(&changed(changes));
    if changes.iter().any(|it| it.verdict == Verdict::TooFew) {
        let least = udpraw::report::FEWEST;
        text += &format!(
            "Too few intervals to tell a change from noise: each side needs {least} at least (udpraw load --interval).\n"
        );
    }
    text
}

fn times(total: &Figures) -> Table {
    let mut table = table(&[
        "", "count", "min", "p50", "p90", "p99", "p99.9", "p99.99", "max",
    ]);
    for (name, times) in total.times() {
        let mut row = vec![name.to_owned(), grouped(times.count()), time(times.min())];
        let quantiles = [0.5, 0.9, 0.99, 0.999, 0.9999];
        row.extend(quantiles.map(|quantile| time(times.quantile(quantile))));
        row.push(time(times.max()));
        table.add_row(row);
    }
    table
}

fn streams(total: &Figures) -> Table {
    let mut table = table(&[
        "",
        "due",
        "sent",
        "arrived",
        "lost",
        "",
        "duplicates",
        "reordered",
        "balance",
    ]);
    for (name, stream) in total.streams() {
        let balance = if stream.is_balanced() { "yes" } else { "NO" };
        table.add_row(vec![
            name.to_owned(),
            grouped(stream.scheduled),
            grouped(stream.sent),
            grouped(stream.arrived),
            grouped(stream.lost),
            percent(stream.loss()),
            grouped(stream.duplicates),
            grouped(stream.reordered),
            balance.to_owned(),
        ]);
    }
    table
}

fn runs(merged: &Merged) -> Table {
    let mut table = table(&["run", "sent", "lost", "p50", "p99", "max"]);
    for run in &merged.runs {
        let at = |quantile| {
            let times = run.total.main_times();
            times.map_or(String::new(), |(_, times)| time(times.quantile(quantile)))
        };
        table.add_row(vec![
            run.name.escape_debug().to_string(),
            grouped(run.total.sent()),
            percent(run.total.loss()),
            at(0.5),
            at(0.99),
            at(1.0),
        ]);
    }
    table
}

fn changed(changes: &[Change]) -> Table {
    let mut table = table(&["change", "before", "now", "", "99 % interval", "verdict"]);
    for change in changes {
        let figure = |value: f64| match change.unit {
            Unit::Nanos => time(value as u64),
            Unit::Part => percent(value),
            _ => per_second(value),
        };
        let by = |value: f64| match change.unit {
            Unit::Part => format!("{:+.3} points", value * 100.0),
            _ => format!("{:+.1} %", value * 100.0),
        };
        let interval = change.interval;
        table.add_row(vec![
            change.figure.to_owned(),
            figure(change.old),
            figure(change.new),
            by(change.change),
            interval.map_or(String::new(), |(low, high)| {
                format!("{} to {}", by(low), by(high))
            }),
            change.verdict.name().to_owned(),
        ]);
    }
    table
}

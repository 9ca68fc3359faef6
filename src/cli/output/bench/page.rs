//! What a bench measured, as a page.

use std::time::SystemTime;

use udpraw::bench::{Config, Report, Row, Standing};
use udpraw::report::{Benchmark, Group, Setting, Variant};

use super::table::{Page, pair, title, verdict};
use crate::cli::output::machine;

/// The page's content.
pub(super) fn benchmark(found: &Report, config: &Config, remarks: &[String]) -> Benchmark {
    let mut setting = Setting::default();
    setting.command = machine::command();
    setting.host = machine::host();
    setting.kernel.clone_from(&found.setting.kernel);
    setting.cpus = machine::cpus() as u64;
    setting.version = env!("CARGO_PKG_VERSION").into();
    let page = Page {
        config,
        markdown: false,
    };
    let mut benchmark = Benchmark::default();
    benchmark.ended = Some(SystemTime::now());
    benchmark.setting = setting;
    benchmark.conditions = page.conditions(&found.setting).into();
    benchmark.remarks = remarks.to_vec();
    if !found.is_complete {
        let (done, all) = (found.trials.len(), found.setting.trials);
        let remark = format!("it was interrupted after {done} of {all} trials");
        benchmark.remarks.push(remark);
    }
    let groups = super::groups(&found.rows);
    benchmark.groups = groups.map(|rows| group(rows, found, config)).collect();
    benchmark
}

fn group(rows: &[Row], found: &Report, config: &Config) -> Group {
    let mut group = Group::default();
    if let Some(first) = rows.first() {
        group.title = title(&first.variant, config.flows);
    }
    group.verdict = verdict(rows, config);
    group.variants = rows.iter().map(|row| variant(row, found, config)).collect();
    group
}

fn variant(row: &Row, found: &Report, config: &Config) -> Variant {
    let mut variant = Variant::default();
    variant.name = pair(row, config);
    (variant.median, variant.low) = (row.rate.median, row.rate.low);
    variant.high = row.rate.high;
    let own = found.trials.iter();
    let own = own.filter(|trial| trial.variant == row.variant);
    variant.trials = own.map(|trial| trial.rate()).collect();
    variant.bits_per_second = row.bits_per_second();
    (variant.loss, variant.cpu_ns) = (row.loss, row.cpu_ns);
    variant.syscalls = row.syscalls;
    variant.remark = match (row.unsound, row.standing) {
        (0, Standing::Winner) => "wins".into(),
        (0, Standing::Noise) => "within the noise".into(),
        (0, _) => String::new(),
        (unsound, _) => format!("{unsound} of {} trials unsound", row.trials),
    };
    variant
}

//! `udpraw report`, as a person runs it, and the files that it reads.

#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{run, udpraw};
use udpraw::report::{Distribution, Merged, Run, html, pictures};

/// The lines of a run of one second per interval, each with these latencies in nanoseconds.
fn lines(target: &str, started: u32, intervals: &[Vec<u64>]) -> String {
    let mut text = String::new();
    let figures = |start: usize, seconds: usize, values: &[u64]| {
        let count = values.len();
        let (start, elapsed) = (start * 1_000_000_000, seconds * 1_000_000_000);
        let histogram = Distribution::of(values.iter().copied()).encode();
        format!(
            r#""start_ns":{start},"elapsed_ns":{elapsed},"asked_per_second":10.0,"sent_per_second":10.0,"round_trip":{{"scheduled":{count},"sent":{count},"arrived":{count}}},"latency":{{"histogram":"{histogram}"}}"#
        )
    };
    for (at, values) in intervals.iter().enumerate() {
        let figures = figures(at, 1, values);
        text += &format!("{{\"schema\":\"udpraw.load/1\",\"event\":\"interval\",{figures}}}\n");
    }
    let all = intervals.concat();
    let figures = figures(0, intervals.len(), &all);
    let target = target.replace('\\', "\\\\").replace('"', "\\\"");
    text += &format!(
        "{{\"schema\":\"udpraw.load/1\",\"event\":\"result\",\"target\":\"{target}\",\"started\":\"2026-11-27T02:30:{started:02}Z\",\"complete\":true,\"open_loop\":true,{figures}}}\n"
    );
    text
}

/// Latencies around a middle.
fn intervals(middle: u64, count: u64) -> Vec<Vec<u64>> {
    (0..count)
        .map(|at| {
            (0..100)
                .map(|value| middle + value * 100 + at % 7 * 50)
                .collect()
        })
        .collect()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    }
}

fn report(arguments: &[&Path]) -> common::Finished {
    let mut command = udpraw(["report"]);
    command.args(arguments);
    run(command)
}

#[test]
fn runs_add_up_bucket_by_bucket() {
    let parts: Vec<_> = (0..8)
        .map(|number| intervals(50_000 + number * 1000, 5))
        .collect();
    let runs = parts.iter().enumerate().map(|(at, part)| {
        let text = lines("127.0.0.1:7", 10 + at as u32, part);
        Run::read(&format!("{at}.json"), text.as_bytes()).expect("a run")
    });
    let merged = Merged::new(runs.collect()).expect("they merge");
    let all = Distribution::of(parts.concat().concat());
    let total = merged.total.latency.as_ref().expect("latencies");
    assert_eq!(total.buckets(), all.buckets());
    // Over time nothing is lost either, and nothing counts twice.
    let count: u64 = merged
        .intervals
        .iter()
        .map(|it| it.latency.as_ref().unwrap().count())
        .sum();
    assert_eq!((count, merged.total.sent()), (4000, 4000));
    assert_eq!(
        merged.intervals.len(),
        12,
        "eight runs that start a second apart"
    );
}

#[test]
fn other_targets_and_schemas_are_named() {
    let folder = Folder::new();
    let one = folder.file("one.json", lines("127.0.0.1:7", 1, &intervals(50_000, 3)));
    let other = folder.file("other.json", lines("127.0.0.1:9", 2, &intervals(50_000, 3)));
    let done = report(&[&one, &other]);
    assert_eq!(done.code, Some(2));
    for word in ["one.json", "other.json", "127.0.0.1:7", "127.0.0.1:9"] {
        assert!(done.stderr.contains(word), "{}", done.stderr);
    }
    let bench = folder.file(
        "bench.json",
        "{\"schema\":\"udpraw.bench/1\",\"event\":\"row\"}\n",
    );
    let done = report(&[&one, &bench]);
    let told = done.stderr.contains("bench.json")
        && done.stderr.contains("udpraw.bench/1")
        && done.stderr.contains("udpraw.load/1");
    assert!(done.code == Some(2) && told, "{}", done.stderr);
    let twice = report(&[&one, &one]);
    assert!(
        twice.code == Some(2) && twice.stderr.contains("same run"),
        "{}",
        twice.stderr
    );
}

#[test]
fn a_run_far_from_the_others_is_named() {
    let folder = Folder::new();
    let mut files = Vec::new();
    for number in 0..5 {
        let middle = if number == 3 {
            500_000
        } else {
            50_000 + number * 100
        };
        let text = lines("127.0.0.1:7", number as u32, &intervals(middle, 3));
        files.push(folder.file(&format!("m{number}.json"), text));
    }
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let done = report(&files);
    assert_eq!(done.code, Some(0));
    assert!(
        done.stderr.contains("m3.json is far from the others"),
        "{}",
        done.stderr
    );
    assert!(!done.stderr.contains("m2.json"), "{}", done.stderr);
}

#[test]
fn files_cut_anywhere_keep_what_was_before() {
    let text = lines("127.0.0.1:7", 1, &intervals(50_000, 4));
    let first = text.find('\n').unwrap() + 1;
    for at in (0..text.len()).step_by(97) {
        match Run::read("cut.json", &text.as_bytes()[..at]) {
            Ok(run) => assert!(at + 1 >= first && !run.remarks.is_empty(), "{at}"),
            Err(error) => assert!(at < first, "{at}: {error}"),
        }
    }
    // In the middle, damage is an error with its line.
    let damaged = text.replacen("HIST", "HISS", 1);
    let error = Run::read("bad.json", damaged.as_bytes())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("bad.json") && error.contains("line 1"),
        "{error}"
    );
}

#[test]
fn interval_logs_are_read_and_cut_ones_too() {
    let of = |values: [u64; 3]| Distribution::of(values).encode();
    let log = format!(
        "#udpraw load: values are nanoseconds\n#[StartTime: 1795746600.000 (seconds since epoch)]\n#[BaseTime: 1795746600.000 (seconds since epoch)]\n\
         Tag=latency,0.000,1.000,0.003,{}\nTag=slip,0.000,1.000,0.001,{}\nTag=latency,1.000,1.000,0.006,{}\n",
        of([1000, 2000, 3000]),
        of([1, 1, 1]),
        of([4000, 5000, 6000]),
    );
    let run = Run::read("run.hlog", log.as_bytes()).expect("a log");
    assert_eq!(
        (run.intervals.len(), run.intervals[1].start_ns),
        (2, 1_000_000_000)
    );
    let all = Distribution::of([1000, 2000, 3000, 4000, 5000, 6000]);
    assert_eq!(run.total.latency.unwrap().buckets(), all.buckets());
    // Cut anywhere: the whole lines count, and a remark names the one that does not.
    for at in 0..log.len() {
        let whole = log[..at].matches('\n').count();
        let counted = [0, 0, 0, 0, 3, 3, 6][whole.min(6)];
        match Run::read("cut.hlog", &log.as_bytes()[..at]) {
            Ok(run) => {
                let latency = run.total.latency.as_ref();
                let count = latency.map_or(0, Distribution::count);
                assert!(count >= counted, "{at}: {count} of {counted}");
                let is_clean = run.remarks.is_empty();
                let named = format!("its last line, {},", whole + 1);
                assert!(
                    is_clean || run.remarks[0].contains(&named),
                    "{at}: {:?}",
                    run.remarks
                );
                let is_end = log[..at].ends_with('\n') || count > counted;
                assert!(
                    !is_clean || is_end || at == log.len() - 1,
                    "{at}: nothing is said"
                );
            }
            Err(error) => assert!(counted == 0, "{at}: {error}"),
        }
    }
    // In the middle, damage is an error with its line.
    let damaged = log.replacen("HIST", "HISS", 1);
    let error = Run::read("bad.hlog", damaged.as_bytes()).unwrap_err();
    assert!(
        error.to_string().contains("bad.hlog") && error.to_string().contains("line 4"),
        "{error}"
    );
    let half = &log.as_bytes()[..log.len() - 20];
    let cut = Run::read("run.hlog", half).expect("what is before the cut");
    assert!(
        cut.intervals.len() == 1 && cut.remarks[0].contains("cut off"),
        "{:?}",
        cut.remarks
    );
}

#[test]
fn odd_files_are_errors_that_name_them() {
    let head = r#"{"schema":"udpraw.load/1","event":"interval","#;
    for text in [
        String::new(),
        " \n".into(),
        "\0\0\0".into(),
        "no run\n".into(),
        "{}\n".into(),
        "[]\n".into(),
        format!("{head}\"start_ns\":-1}}\n{head}\"start_ns\":0}}\n"),
        format!("{head}\"asked_per_second\":NaN}}\n{head}\"start_ns\":0}}\n"),
        format!("{head}\"asked_per_second\":1e999}}\n{head}\"start_ns\":0}}\n"),
        format!("{head}\"sent_per_second\":-5}}\n{head}\"start_ns\":0}}\n"),
        format!("{head}\"start_ns\":5}}\n{head}\"start_ns\":1}}\n{head}\"start_ns\":9}}\n"),
    ] {
        let error = Run::read("odd.json", text.as_bytes())
            .expect_err(&text)
            .to_string();
        assert!(error.contains("odd.json"), "{error}");
    }
    // Huge numbers are no reason to fail, or to take for ever.
    let huge = format!(
        "{head}\"start_ns\":0,\"elapsed_ns\":{max},\"sent_per_second\":1e308,\"asked_per_second\":1e308,\"round_trip\":{{\"sent\":{max},\"lost\":{max},\"scheduled\":{max},\"send_errors\":{max}}}}}\n",
        max = u64::MAX
    );
    let twice = format!("{huge}{huge}");
    let merged = Merged::new(vec![
        Run::read("huge.json", twice.as_bytes()).expect("a run"),
    ])
    .expect("it merges");
    assert!(html(&merged, None).ends_with("</html>"));
}

/// The page: its parts, no script, no request, and what comes from files stays text.
#[test]
fn a_page_is_whole_and_hostile_text_stays_text() {
    let evil = "<script>alert(1)</script>\"'&";
    let text = lines(evil, 1, &intervals(50_000, 3));
    let run = Run::read("<img>", text.as_bytes()).expect("a run");
    let merged = Merged::new(vec![run]).expect("it merges");
    let page = html(&merged, None);
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;"),
        "{}",
        &page[..900]
    );
    for forbidden in [
        "<script",
        "<img",
        "<link",
        "<iframe",
        "url(",
        "@import",
        " src=",
        " href=",
        "javascript:",
    ] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("default-src 'none'") || page.contains("default-src &#39;none&#39;"));
    for part in [
        "prefers-color-scheme:dark",
        "@media print",
        "lang=\"en\"",
        "Latency over time",
        "Distribution",
        "Rate asked for",
        "Books",
        "Times",
        "How it was made",
        "There was none.",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let count = |what: &str| page.matches(what).count();
    assert_eq!(count("<svg"), count("role=\"img\""));
    assert_eq!(count("<svg"), count("</svg>"));
    assert_eq!(count("<svg"), count("<desc id="));
    assert_eq!(count("<table"), count("</table>"));
    assert_eq!(count("<section"), count("</section>"));
    let pictures = pictures(&merged, None);
    let names: Vec<_> = pictures.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["latency.svg", "percentiles.svg", "rate.svg"]);
    assert!(
        pictures
            .iter()
            .all(|(_, svg)| svg.starts_with("<svg xmlns=") && svg.trim_end().ends_with("</svg>"))
    );
}

#[test]
fn a_comparison_has_a_verdict_and_a_status() {
    let folder = Folder::new();
    let old = folder.file("old.json", lines("127.0.0.1:7", 1, &intervals(50_000, 20)));
    let new = folder.file("new.json", lines("127.0.0.1:7", 1, &intervals(90_000, 20)));
    let against = Path::new("--against");
    let done = report(&[&new, against, &old]);
    assert!(
        done.code == Some(1) && done.stdout.contains("higher"),
        "{done:?}"
    );
    let done = report(&[&old, against, &old]);
    assert!(
        done.code == Some(0) && done.stdout.contains("within the noise"),
        "{done:?}"
    );
    let better = report(&[&old, against, &new]);
    assert!(
        better.code == Some(0) && better.stdout.contains("lower"),
        "{better:?}"
    );
    let short = folder.file("short.json", lines("127.0.0.1:7", 1, &intervals(90_000, 3)));
    let done = report(&[&short, against, &old]);
    assert!(
        done.code == Some(0) && done.stdout.contains("too few intervals"),
        "{done:?}"
    );
}

#[test]
fn files_are_never_overwritten() {
    let folder = Folder::new();
    let run = folder.file("run.json", lines("127.0.0.1:7", 1, &intervals(50_000, 3)));
    let page = folder.file("page.html", "mine");
    let done = report(&[&run, Path::new("--html"), &page]);
    assert!(
        done.code == Some(2) && done.stderr.contains("EEXIST"),
        "{done:?}"
    );
    assert_eq!(fs::read_to_string(page).unwrap(), "mine");
}

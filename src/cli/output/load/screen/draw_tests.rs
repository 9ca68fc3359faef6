//! The screen as text, at several sizes.

use std::path::Path;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use udpraw::load::{Config, Figures, Stream};
use udpraw::protocol::load::Plan;

use super::*;

fn config(seconds: Option<u64>) -> Config {
    let plan: Plan = "1kpps".parse().unwrap();
    let mut config = Config::new("192.0.2.7:1060".parse().unwrap(), plan);
    config.time = seconds.map(Duration::from_secs);
    config
}

/// An interval of a second with 1,000 datagrams, of which `lost` are lost on the way up.
fn interval(at: u64, lost: u64, worst: u64) -> Figures {
    let mut figures = Figures::default();
    (figures.start, figures.length) = (Duration::from_secs(at), Duration::from_secs(1));
    figures.asked = 1000.0;
    let stream = |lost: u64| {
        let mut stream = Stream::default();
        stream.sending.sent = 1000;
        stream.sending.scheduled = 1000;
        stream.counts.unique = 1000 - lost;
        stream.counts.reordered = at % 3;
        stream.lost = lost;
        Some(stream)
    };
    (figures.round_trip, figures.up, figures.down) = (stream(lost), stream(lost), stream(0));
    for number in 0..1000 - lost {
        // From 80 µs on, with a long tail.
        let nanos = 80_000 + 40 * number + worst / (1000 - lost - number);
        figures.times.latency.record(nanos).unwrap();
    }
    figures
}

/// A run of this length in seconds; in the 6th and 7th the path is bad.
fn run(seconds: u64) -> State {
    let mut state = State::new(&config(Some(60)), "offload");
    for at in 0..seconds {
        let figures = match at {
            5 | 6 => interval(at, 130, 9_000_000),
            _ => interval(at, 0, 400_000 + 20_000 * (at % 7)),
        };
        state.interval(&figures, if at % 50 == 7 { 700.0 } else { 1000.0 });
    }
    state
}

fn drawn(state: &State, elapsed: u64, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let elapsed = Duration::from_secs(elapsed);
    terminal.draw(|frame| draw(state, elapsed, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for row in buffer.content().chunks(width.into()) {
        let line: String = row.iter().map(|cell| cell.symbol()).collect();
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Compares with a file in `screens`; what was drawn instead is in `target/screens`.
fn is_kept(name: &str, text: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = format!("{name}.txt");
    let kept = root.join("src/cli/output/load/screen/screens").join(&file);
    let kept = std::fs::read_to_string(kept).unwrap_or_default();
    if kept != text {
        let folder = root.join("target/screens");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(file), text).unwrap();
        println!("{name} is another, see target/screens:\n{text}");
    }
    kept == text
}

#[test]
fn it_looks_as_it_did() {
    let empty = State::new(&config(None), "offload");
    let (short, long) = (run(12), run(700));
    let all = [
        ("empty-80x24", drawn(&empty, 0, 80, 24)),
        ("empty-40x12", drawn(&empty, 0, 40, 12)),
        ("run-80x24", drawn(&short, 12, 80, 24)),
        ("run-120x40", drawn(&short, 12, 120, 40)),
        ("run-40x12", drawn(&short, 12, 40, 12)),
        ("long-80x24", drawn(&long, 700, 80, 24)),
    ];
    let same = all.iter().filter(|(name, text)| is_kept(name, text));
    assert_eq!(same.count(), all.len());
}

#[test]
fn a_terminal_of_any_size_is_drawn_on() {
    let state = run(12);
    for width in [1, 2, 39, 40, 41, 75, 76, 77, 130] {
        for height in [1, 2, 9, 10, 19, 20, 23, 60] {
            let text = drawn(&state, 12, width, height);
            let is_small = width < 40 || height < 10;
            let says_so = text.starts_with("t") && !text.contains("192.0");
            assert_eq!(is_small, says_so, "{width}x{height}\n{text}");
            assert_eq!(text.lines().count(), usize::from(height));
        }
    }
}

/// A probe runs for months.
#[test]
fn what_is_kept_is_bounded() {
    let mut state = run(600);
    assert_eq!(state.points.len(), 500);
    for at in 0..1000 {
        state.event(Duration::from_secs(at), "x");
    }
    assert_eq!(state.events.len(), 100);
    assert_eq!(state.tallies[1].sent, 600_000);
    assert_eq!(state.tallies[1].lost(), 260);
    assert_eq!(state.tallies[2].lost(), 0);
}

#[test]
fn times_of_a_run_are_short() {
    let times = [0, 59, 60, 187, 3600, 93_784];
    let texts = times.map(|seconds| span(Duration::from_secs(seconds)));
    assert_eq!(
        texts,
        ["0 s", "59 s", "1:00", "3:07", "1:00:00", "26:03:04"]
    );
}

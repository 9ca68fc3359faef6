//! The lessons run, alone and in a row; killed, they leave nothing but the state.

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::Signal;

use crate::common::{Running, json_lines, run, wait_until};
use crate::{finish, learn};

/// The records of one event.
fn events<'a>(records: &'a [serde_json::Value], event: &str) -> Vec<&'a serde_json::Value> {
    let of_event = records.iter().filter(|record| record["event"] == event);
    of_event.collect()
}

#[test]
fn every_lesson_shows_what_it_claims_in_both_languages() {
    for (language, end) in [
        ("en", "26 lessons showed what they claim."),
        ("zh", "26 课都如其论断。"),
    ] {
        let finished = finish(&["all", "--lang", language]);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert_eq!(finished.stdout.lines().next_back(), Some(end));
        assert!(
            !finished.stdout.contains('\x1b'),
            "colours without a terminal"
        );
    }
}

#[test]
fn each_lesson_states_values_of_its_run_as_json() {
    let finished = finish(&["all", "--json"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let records = json_lines(&finished.stdout);
    let count = |event| events(&records, event).len();
    assert_eq!(
        (count("lesson"), count("claim"), count("attempt")),
        (26, 26, 26)
    );
    assert!(count("seen") > 60, "{}", count("seen"));
    for claim in events(&records, "claim") {
        let choices = claim["choices"].as_array().expect("choices").len();
        assert!(
            claim["answer"].as_u64().expect("a place") < choices as u64,
            "{claim}"
        );
    }
    // Without ptrace(2) a note says so, and the lessons take place without the calls.
    assert!(
        count("call") > 200 || finished.stderr.contains("cannot be shown"),
        "{}",
        finished.stderr
    );
}

#[test]
fn next_takes_one_after_the_other_and_reset_forgets() {
    let state = tempfile::tempdir().expect("a folder");
    let go = |arguments: &[&str]| run(learn(state.path(), arguments));
    for name in ["machine", "ports"] {
        let finished = go(&["next", "--json"]);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert_eq!(json_lines(&finished.stdout)[0]["name"], name);
    }
    let taken = |finished: &crate::common::Finished| {
        let records = json_lines(&finished.stdout);
        records
            .iter()
            .filter(|record| record["taken"] == true)
            .count()
    };
    assert_eq!(taken(&go(&["--json"])), 2);
    assert!(go(&[]).stdout.contains(" ✓ ports"));
    assert_eq!(go(&["reset"]).code, Some(0));
    assert_eq!(taken(&go(&["--json"])), 0);
    // Nothing to forget is no error.
    assert_eq!(go(&["reset"]).code, Some(0));
}

#[test]
fn a_broken_state_is_told_and_kept() {
    let state = tempfile::tempdir().expect("a folder");
    let folder = state.path().join("udpraw");
    fs::create_dir(&folder).expect("a folder");
    for (broken, language, told) in [
        ("{\"version\":1,\"less", "en", "your progress starts anew"),
        ("{\"version\":9}", "zh", "学习进度重新开始"),
    ] {
        fs::write(folder.join("learn.json"), broken).expect("a file");
        let finished = run(learn(state.path(), &["--lang", language]));
        assert_eq!(finished.code, Some(0));
        assert!(finished.stderr.contains(told), "{}", finished.stderr);
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
        let kept = fs::read_to_string(folder.join("learn.json.old")).expect("it is kept");
        assert_eq!(kept, broken);
    }
}

#[test]
fn without_a_place_for_the_state_a_lesson_is_still_shown() {
    let mut command = learn(Path::new("/proc/none"), &["ports"]);
    command.env_remove("HOME");
    let finished = run(command);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("your progress was not saved"),
        "{}",
        finished.stderr
    );
}

/// The processes of this test program's own children that run on.
fn orphans() -> Vec<String> {
    let me = std::process::id().to_string();
    let children = fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|entry| {
            let status = fs::read_to_string(entry.path().join("status")).ok()?;
            let parent = status
                .lines()
                .find_map(|line| line.strip_prefix("PPid:\t"))?;
            let command = fs::read_to_string(entry.path().join("cmdline")).ok()?;
            let is_actor = command.replace('\0', " ").contains("learn act");
            (parent == me && is_actor).then_some(command)
        });
    children.collect()
}

#[test]
fn a_kill_in_the_middle_leaves_no_process_and_a_whole_state() {
    // Whatever is left behind becomes a child of this process.
    set_child_subreaper(true).expect("prctl(2)");
    let state = tempfile::tempdir().expect("a folder");
    let mut running = Running::start(learn(state.path(), &["all"]));
    // The first calls have been shown: the programs of a lesson run.
    while !running.line().contains("backoff") {}
    running.signal(Signal::SIGKILL);
    drop(running);
    wait_until("the actors end", || orphans().is_empty());
    let files = fs::read_dir(state.path()).expect("a folder").count();
    assert_eq!(files, 0, "all keeps no state");
    assert_eq!(run(learn(state.path(), &["ports"])).code, Some(0));
}

#[test]
fn an_actor_ends_with_its_input_and_answers_bad_steps() {
    let state = tempfile::tempdir().expect("a folder");
    let mut command = learn(state.path(), &["act"]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    let steps =
        "nonsense\nrecv\nsend 1.2.3.4\nuse 99999999999999999999\nsocket udp\nbind 127.0.0.1\n";
    input.write_all(steps.as_bytes()).expect("written");
    input.write_all(&[b'x'; 10_000]).expect("written");
    drop(input);
    let output = child.wait_with_output().expect("a child");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(
        text.starts_with("err 22\nerr 9\nerr 9\nerr 22\nok 3\nerr 22\n"),
        "{text}"
    );
}

#[test]
fn without_ptrace_the_lessons_take_place_without_the_calls() {
    // Its tracer is traced itself: strace refuses to share, as any sandbox without ptrace does.
    if !crate::common::has("strace") {
        return crate::common::skip("no strace");
    }
    let state = tempfile::tempdir().expect("a folder");
    let inner = learn(state.path(), &["danger"]);
    let mut command = Command::new("strace");
    command
        .args(["-f", "-o", "/dev/null", "-e", "trace=none"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .env("XDG_STATE_HOME", state.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let finished = run(command);
    assert_eq!(
        finished.code,
        Some(0),
        "{}{}",
        finished.stdout,
        finished.stderr
    );
    assert!(
        finished.stderr.contains("the calls cannot be shown"),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stdout.contains("send me your password"),
        "{}",
        finished.stdout
    );
}

#[test]
fn the_course_is_exported_as_pages_without_scripts() {
    let folder = tempfile::tempdir().expect("a folder");
    let course = folder.path().join("course");
    let place = course.to_str().expect("UTF-8");
    // A second export replaces the first one.
    for _ in 0..2 {
        let finished = finish(&["export", "--html", place]);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert!(
            finished.stdout.starts_with("57 pages"),
            "{}",
            finished.stdout
        );
    }
    for language in ["en", "zh"] {
        let pages = fs::read_dir(course.join(language)).expect("a folder");
        for page in pages.map(|page| page.expect("an entry").path()) {
            let text = fs::read_to_string(&page).expect("UTF-8");
            assert!(
                text.contains(&format!("<html lang=\"{language}\">")),
                "{}",
                page.display()
            );
            assert!(
                !text.contains("<script") && !text.contains("http://"),
                "{}",
                page.display()
            );
            // Every link leads to a page.
            for link in text.split("href=\"").skip(1) {
                let link = link.split('"').next().expect("a link");
                let target = page.parent().expect("a folder").join(link);
                assert!(target.exists(), "{}: {link}", page.display());
            }
        }
    }
    // What is not ours is not touched.
    fs::write(folder.path().join("mine.txt"), "mine").expect("a file");
    let finished = finish(&["export", "--html", folder.path().to_str().expect("UTF-8")]);
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.stderr.contains("it holds other files"),
        "{}",
        finished.stderr
    );
    assert!(!folder.path().join("index.html").exists());
}

#[test]
fn a_narrow_terminal_asks_and_wraps() {
    if !crate::common::has("python3") {
        return crate::common::skip("no python3");
    }
    let state = tempfile::tempdir().expect("a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/learn/terminal.py");
    for (answer, told) in [
        ("2", "Right."),
        ("1", "It is another: success"),
        ("", "Run"),
    ] {
        let inner = learn(state.path(), &["loss"]);
        let mut command = Command::new("python3");
        command
            .arg(&script)
            .arg(inner.get_program())
            .arg(answer)
            .args(inner.get_args())
            .env("XDG_STATE_HOME", state.path())
            .env("LC_ALL", "C")
            .env("NO_COLOR", "1");
        let finished = run(command);
        assert_eq!(
            finished.code,
            Some(0),
            "{}{}",
            finished.stdout,
            finished.stderr
        );
        assert!(finished.stdout.contains(told), "{}", finished.stdout);
        let is_prose =
            |line: &&str| !line.contains('(') && !line.contains("->") && !line.contains('$');
        for line in finished.stdout.lines().filter(is_prose) {
            // The question and the answer to it share a line.
            let is_summary = line.contains("datagrams: ") || line.contains(" · ");
            assert!(line.chars().count() <= 40 || is_summary, "{line}");
        }
    }
}

#[test]
fn options_stand_before_or_behind_the_command() {
    let before = finish(&["--lang", "zh", "exercises"]);
    assert_eq!(before.code, Some(0), "{}", before.stderr);
    let behind = finish(&["exercises", "--lang", "zh"]);
    assert_eq!(before.stdout, behind.stdout);
    let both = finish(&["danger", "next"]);
    assert_eq!(both.code, Some(2));
    assert!(
        both.stderr.contains("exclude each other"),
        "{}",
        both.stderr
    );
}

//! The exercises: right programs pass in every language, and each known-wrong one gets its own hint.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{Finished, has, json_lines, run, skip};
use crate::learn;
use crate::wrong::{TEXTBOOK, WRONG};

pub(crate) const EXERCISES: [&str; 10] = [
    "server",
    "unicode",
    "forged",
    "retry",
    "refused",
    "ids",
    "large",
    "share",
    "broadcast",
    "copy",
];

/// A program of the tests.
fn source(exercise: &str, file: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/learn/programs").join(exercise).join(file)
}

/// Checks a program with these further arguments of `learn check`.
pub(crate) fn check(exercise: &str, program: &[&str], arguments: &[&str]) -> Finished {
    let state = tempfile::tempdir().expect("a folder");
    let words = [&["check", exercise][..], arguments, &["--"], program].concat();
    run(learn(state.path(), &words))
}

/// Whether nothing can be traced here; says so.
pub(crate) fn is_untraceable() -> bool {
    let finished = check("server", &["true"], &[]);
    let is_so = finished.stderr.contains("cannot be run and watched");
    if is_so {
        skip(&finished.stderr);
    }
    is_so || !has("python3")
}

fn passes(exercise: &str, program: &[&str]) {
    let finished = check(exercise, program, &[]);
    let output = format!("{}{}", finished.stdout, finished.stderr);
    assert_eq!(finished.code, Some(0), "{exercise} {program:?}: {output}");
    assert!(
        finished.stdout.contains(&format!("Passed: {exercise}")),
        "{output}"
    );
}

#[test]
fn right_programs_pass_in_python() {
    if is_untraceable() {
        return;
    }
    for exercise in EXERCISES {
        let program = source(exercise, "right.py");
        passes(exercise, &["python3", program.to_str().expect("UTF-8")]);
    }
}

/// Compiles a program with that command, its source and its output being the last arguments.
fn compiled(command: &[&str], source: &Path, to: &Path) {
    let mut compiler = Command::new(command[0]);
    compiler.args(&command[1..]).arg("-o").arg(to).arg(source);
    let finished = run(compiler);
    assert_eq!(
        finished.code,
        Some(0),
        "{}: {}",
        source.display(),
        finished.stderr
    );
}

fn right_programs_pass(command: &[&str], file: &str) {
    if is_untraceable() || !has(command[0]) {
        return skip("no compiler, or nothing can be traced");
    }
    let folder = tempfile::tempdir().expect("a folder");
    for exercise in EXERCISES {
        let program = folder.path().join(exercise);
        compiled(command, &source(exercise, file), &program);
        passes(exercise, &[program.to_str().expect("UTF-8")]);
    }
}

#[test]
fn right_programs_pass_in_c() {
    right_programs_pass(&["cc", "-Wall", "-O1"], "right.c");
}

#[test]
fn right_programs_pass_in_rust() {
    right_programs_pass(&["rustc", "--edition=2024", "-Cdebuginfo=0"], "right.rs");
}

/// The right program with each of these texts replaced.
fn changed(exercise: &str, changes: &[(&str, &str)]) -> String {
    let mut program = fs::read_to_string(source(exercise, "right.py")).expect("a program");
    for (from, to) in changes {
        assert!(
            program.contains(from),
            "{exercise}: no {from:?} in {program}"
        );
        program = program.replace(from, to);
    }
    program
}

/// Each group of exercises is a test of its own, so that they run at the same time.
fn known_wrong_programs_get_their_hints(exercises: &[&str]) {
    if is_untraceable() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("program.py");
    for exercise in exercises {
        let of_it = WRONG.iter().filter(|(name, ..)| name == exercise);
        let mut count = 0;
        for (_, what, changes, hint) in of_it {
            fs::write(&file, changed(exercise, changes)).expect("a file");
            let finished = check(
                exercise,
                &["python3", file.to_str().expect("UTF-8")],
                &["--json"],
            );
            let output = format!("{what}: {}{}", finished.stdout, finished.stderr);
            assert_eq!(finished.code, Some(1), "{exercise}: {output}");
            let verdict = json_lines(&finished.stdout).pop().expect("a verdict");
            let found = verdict["hint"].as_str().unwrap_or_default().to_owned();
            assert!(
                found.contains(hint),
                "{exercise}: {what}: {found:?} for {hint:?}\n{output}"
            );
            count += 1;
        }
        assert!(count >= 4, "{exercise} has {count} wrong programs");
    }
}

#[test]
fn wrong_servers_get_their_hints() {
    known_wrong_programs_get_their_hints(&["server", "unicode", "ids"]);
}

#[test]
fn wrong_clients_get_their_hints() {
    known_wrong_programs_get_their_hints(&["forged", "refused", "retry"]);
}

#[test]
fn wrong_senders_get_their_hints() {
    known_wrong_programs_get_their_hints(&["large", "share", "broadcast", "copy"]);
}

/// The textbook's own program is right where it is right, and wrong where it is wrong.
#[test]
fn the_textbook_is_judged_like_any_program() {
    if is_untraceable() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("udp_local.py");
    fs::write(&file, TEXTBOOK).expect("a file");
    let file = file.to_str().expect("UTF-8");
    let as_server = ["python3", file, "server", "-p"];
    let as_client = ["python3", file, "client", "-p"];
    passes("server", &as_server);
    for (exercise, program, hint) in [
        (
            "unicode",
            as_server,
            "One datagram with the byte 233 ended your server",
        ),
        ("ids", as_server, "must be the ID of this request"),
        ("share", as_server, "Both programs must set SO_REUSEPORT"),
        ("forged", as_client, "and took the datagram of 127.0.0.2:"),
        ("retry", as_client, "sent its request once"),
        ("refused", as_client, "call connect() first"),
    ] {
        let finished = check(exercise, &program, &[]);
        assert_eq!(finished.code, Some(1), "{exercise}: {}", finished.stderr);
        let words: Vec<_> = finished.stdout.split_whitespace().collect();
        assert!(
            words.join(" ").contains(hint),
            "{exercise}: {}",
            finished.stdout
        );
    }
}

/// A starter is written once, compiles, and does not pass yet; its head is in the learner's language.
#[test]
fn each_starter_is_there_to_be_changed() {
    if is_untraceable() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let start = |arguments: &[&str]| {
        let mut command = learn(folder.path(), &[&["start"], arguments].concat());
        command.current_dir(folder.path());
        run(command)
    };
    for exercise in EXERCISES {
        let finished = start(&[exercise]);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let file = folder.path().join(format!("{exercise}.py"));
        let text = fs::read_to_string(&file).expect("a file");
        assert!(
            text.starts_with("# ") && text.contains("udpraw learn check"),
            "{text}"
        );
        let finished = start(&[exercise]);
        assert_eq!(finished.code, Some(2));
        assert!(
            finished.stderr.contains("not overwritten"),
            "{}",
            finished.stderr
        );
        assert_eq!(fs::read_to_string(&file).expect("a file"), text);
        let finished = check(exercise, &["python3", file.to_str().expect("UTF-8")], &[]);
        assert_eq!(
            finished.code,
            Some(1),
            "{exercise}: {}{}",
            finished.stdout,
            finished.stderr
        );
        assert!(finished.stdout.contains("Hint\n"), "{}", finished.stdout);
    }
    for (exercise, language, compiler) in [
        ("server", "c", "cc"),
        ("unicode", "c", "cc"),
        ("retry", "c", "cc"),
        ("server", "rust", "rustc"),
        ("unicode", "rust", "rustc"),
        ("retry", "rust", "rustc"),
    ] {
        let finished = start(&[exercise, "--language", language, "--lang", "zh"]);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let extension = if language == "c" { "c" } else { "rs" };
        let file = folder.path().join(format!("{exercise}.{extension}"));
        let text = fs::read_to_string(&file).expect("a file");
        assert!(text.contains("检查命令："), "{text}");
        let program = folder.path().join(format!("{exercise}-{language}"));
        if has(compiler) {
            compiled(&[compiler], &file, &program);
            let finished = check(exercise, &[program.to_str().expect("UTF-8")], &[]);
            assert_eq!(finished.code, Some(1), "{exercise}: {}", finished.stdout);
        }
    }
}

#[test]
fn exercises_are_listed_and_passes_are_kept() {
    if is_untraceable() {
        return;
    }
    let state = tempfile::tempdir().expect("a folder");
    let go = |arguments: &[&str]| run(learn(state.path(), arguments));
    let passed = |finished: &Finished| {
        let records = json_lines(&finished.stdout);
        assert_eq!(records.len(), EXERCISES.len());
        records
            .iter()
            .filter(|record| record["passed"] == true)
            .count()
    };
    assert_eq!(passed(&go(&["exercises", "--json"])), 0);
    let program = source("large", "right.py");
    let program = program.to_str().expect("UTF-8");
    assert_eq!(
        go(&["check", "large", "--", "python3", program]).code,
        Some(0)
    );
    assert_eq!(passed(&go(&["exercises", "--json"])), 1);
    assert!(
        go(&["exercises", "--lang", "zh"])
            .stdout
            .contains("已通过 1 个")
    );
}

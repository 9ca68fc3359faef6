//! The programs of examples/: each is started, driven by a real client on loopback, and its output read.
//!
//! `cargo test` builds the examples, and puts them beside the folder of its test programs:
//! `target/debug/examples/NAME`. But `cargo test --test examples`, and any other choice of targets, does
//! not: then `cargo build --examples --all-features` comes first.

#[path = "../common/mod.rs"]
mod common;
mod servers;
mod streams;

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Finished, Running};

/// The program of an example, which must not be older than its source.
fn program(name: &str) -> PathBuf {
    let this = env::current_exe().expect("a path");
    let target = this.ancestors().nth(2).expect("target/debug");
    let program = target.join("examples").join(name);
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name)
        .with_extension("rs");
    let modified = |path: &Path| fs::metadata(path).and_then(|it| it.modified());
    let is_current = match (modified(&program), modified(&source)) {
        (Ok(program), Ok(source)) => program >= source,
        _ => false,
    };
    let program = program.display().to_string();
    assert!(
        is_current,
        "{program} is missing or old: run cargo build --examples --all-features"
    );
    program.into()
}

fn command(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program(name));
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// An example that listens, and the address that its first line gives.
fn listening(name: &str, arguments: &[&str]) -> (Running, SocketAddr) {
    let mut running = Running::start(command(name, arguments));
    let line = running.line();
    let address = line.strip_prefix("listening at ").and_then(|rest| {
        let word = rest.split([',', ' ']).next()?;
        word.parse().ok()
    });
    let Some(address) = address else {
        panic!("{name}: {line:?}, {:?}", running.finish());
    };
    (running, address)
}

/// Ends well, without a word on standard error; returns its lines.
#[track_caller]
fn lines(finished: Finished) -> Vec<String> {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.stderr, "");
    finished.stdout.lines().map(str::to_owned).collect()
}

/// Each example says in its head how to run it, and the crate's first page names it.
#[test]
fn each_example_is_described_and_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let front = fs::read_to_string(root.join("src/lib.rs")).unwrap();
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let tests = ["main", "servers", "streams"].map(|file| {
        let path = root.join("tests/examples").join(file);
        fs::read_to_string(path.with_extension("rs")).unwrap()
    });
    let tests = tests.concat();
    let mut seen = 0;
    for entry in fs::read_dir(root.join("examples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let head = text.split("\n\n").next().unwrap();
        for want in [format!("--example {name} "), "What to look at:".into()] {
            assert!(head.contains(&want), "{name}: {want:?} is not in its head");
        }
        assert!(text.lines().count() <= 120, "{name} is long");
        assert!(front.contains(&format!("examples/{name}.rs")), "{name}");
        assert!(tests.contains(&format!("\"{name}\"")), "{name} is not run");
        let entry = format!("[[example]]\nname = \"{name}\"\n");
        // The command needs the features that Cargo asks for.
        let entry = manifest.split_once(&entry).expect(name).1;
        let feature = entry.lines().next().unwrap().split('"').nth(1);
        let named = head.split("--features ").nth(1);
        let named = named.and_then(|rest| rest.split(' ').next());
        assert_eq!(named, feature, "{name}");
        seen += 1;
    }
    assert_eq!(seen, 9);
}

/// What does not make sense ends with a sentence and status 1.
#[test]
fn an_error_is_a_sentence() {
    let finished = common::run(command("echo", &["192.0.2.1:0"]));
    assert_eq!(finished.code, Some(1));
    let want = "Error: cannot bind 192.0.2.1:0: ";
    assert!(finished.stderr.starts_with(want), "{}", finished.stderr);
    assert!(finished.stderr.contains("EADDRNOTAVAIL"));
}

//! `udpraw learn`: every lesson shows what it claims, in both languages, and leaves nothing behind.

#[path = "../common/mod.rs"]
mod common;

mod claims;
mod exercises;
mod languages;
mod lessons;
mod robust;
mod wrong;

use std::path::Path;
use std::process::Command;

/// The program with a state directory of its own, and without a language of the environment.
fn learn(state: &Path, arguments: &[&str]) -> Command {
    let mut command = common::udpraw(["learn"].iter().chain(arguments));
    command
        .env("XDG_STATE_HOME", state)
        .env_remove("LC_ALL")
        .env_remove("LC_MESSAGES")
        .env_remove("LANG");
    command
}

/// Runs it to its end, with a state that is thrown away.
fn finish(arguments: &[&str]) -> common::Finished {
    let state = tempfile::tempdir().expect("a folder");
    common::run(learn(state.path(), arguments))
}

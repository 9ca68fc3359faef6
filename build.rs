//! What `udpraw --version` says of the build: its commit, features and target. No dates, no network: the
//! same tree gives the same bytes.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=UDPRAW_COMMIT");
    let target = env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=UDPRAW_COMMIT={}", commit());
    println!("cargo::rustc-env=UDPRAW_FEATURES={}", features());
    println!("cargo::rustc-env=UDPRAW_TARGET={target}");
}

/// The features that are on, as Cargo.toml names them.
fn features() -> String {
    let mut names: Vec<String> = env::vars()
        .filter_map(|(name, _)| Some(name.strip_prefix("CARGO_FEATURE_")?.to_lowercase()))
        .filter(|name| name != "default")
        .collect();
    names.sort();
    names.join(", ")
}

/// The commit: `UDPRAW_COMMIT` if it is set; that of a published crate; or Git's, in a release build.
///
/// A debug build does not ask: each commit would have everything compiled anew.
fn commit() -> String {
    if let Ok(commit) = env::var("UDPRAW_COMMIT")
        && !commit.is_empty()
    {
        return commit;
    }
    if let Ok(info) = std::fs::read_to_string(".cargo_vcs_info.json")
        && let Some((_, rest)) = info.split_once("\"sha1\": \"")
    {
        return rest.chars().take(12).collect();
    }
    if env::var("PROFILE").as_deref() != Ok("release") {
        return "not recorded in a debug build".into();
    }
    for path in ["src", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={path}");
    }
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&[
        "describe",
        "--always",
        "--dirty",
        "--abbrev=12",
        "--exclude=*",
    ])
    .unwrap_or_else(|| "unknown".into())
}

/// The first line of what git prints, if it is there and succeeds.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.to_owned();
    output.status.success().then_some(line)
}

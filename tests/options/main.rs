//! The catalogue of socket options against the kernel's headers, the kernel itself, and people.

mod command;
mod control;
mod families;
mod headers;
mod sentences;
mod settable;
mod typed;
mod values;

/// Says loudly that something was not tested; in CI, where nothing may be missing, it is a failure.
fn skip(why: &str) {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "not tested: {why}"
    );
    eprintln!("SKIPPED: {why}");
}

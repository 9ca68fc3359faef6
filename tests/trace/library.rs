//! The tracer as a library, in a program that has children of its own.

use std::process::Command;

use udpraw::trace::{Config, End, Event, Program, Tracer};

use crate::may_trace;

#[test]
fn children_of_the_host_program_are_its_own_to_wait_for() {
    if !may_trace() {
        return;
    }
    // On the tracing thread: one that has ended, one that ends meanwhile, and one that does not.
    let shell = |script: &str| Command::new("sh").args(["-c", script]).spawn().unwrap();
    let (mut first, mut second, mut third) = (
        shell("exit 3"),
        shell("sleep 0.2; exit 4"),
        shell("exec sleep 60"),
    );
    let mut tracer = Tracer::new(Config::default());
    let script = "(exit 1) & (exit 2) & sleep 0.4; wait; exit 6";
    let pid = tracer.start(&Program::new("sh", ["-c", script])).unwrap();
    let mut ends = Vec::new();
    while let Some(event) = tracer.next_event(None).unwrap() {
        if let Event::Ended { thread, end, .. } = event {
            ends.push((thread, end));
        }
    }
    assert_eq!(tracer.root(), Some((pid, Some(End::Exited(6)))));
    assert_eq!(ends.len(), 4, "{ends:?}");
    assert_eq!(tracer.threads(), 0);
    assert_eq!(first.wait().unwrap().code(), Some(3));
    assert_eq!(second.wait().unwrap().code(), Some(4));
    assert!(third.try_wait().unwrap().is_none());
    third.kill().unwrap();
    third.wait().unwrap();
}

#[test]
fn what_was_attached_to_is_let_go_when_asked() {
    if !may_trace() {
        return;
    }
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let pid = child.id() as i32;
    let mut tracer = Tracer::new(Config::default());
    tracer.attach(pid, None).unwrap();
    assert_eq!(tracer.threads(), 1);
    tracer.detach();
    while tracer.next_event(None).unwrap().is_some() {}
    assert_eq!(tracer.root(), Some((pid, Some(End::Detached))));
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    // It may still be on its way back to sleep.
    assert!(status.contains("TracerPid:\t0\n"), "{status}");
    assert!(!status.contains("State:\tt"), "{status}");
    child.kill().unwrap();
    assert!(child.wait().unwrap().code().is_none());
}

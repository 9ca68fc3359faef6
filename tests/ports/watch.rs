//! `--watch`. A count bounds each, so that a change that is not told fails and does not hang.

use nix::sys::signal::Signal;

use crate::common::{Running, socket, udpraw};
use crate::{alone, fresh_namespace};

#[test]
fn what_comes_changes_and_goes_is_told() {
    let _alone = alone();
    if !fresh_namespace() {
        return;
    }
    let first = socket();
    let port = first.local_addr().unwrap().port().to_string();
    let mut watch = Running::start(udpraw(["ports", "--watch", "--count", "60"]));
    assert!(watch.line().trim_start().starts_with("local"));
    let line = watch.line();
    assert!(line.starts_with("  ") && line.contains(&port), "{line}");
    let second = socket();
    let at = second.local_addr().unwrap().to_string();
    let line = watch.line();
    assert!(line.starts_with(&format!("+ {at} ")), "{line}");
    second.send_to(b"unread", &at).unwrap();
    let line = watch.line();
    assert!(line.starts_with(&format!("* {at} ")), "{line}");
    drop(second);
    let line = watch.line();
    assert!(line.starts_with(&format!("- {at} ")), "{line}");
    watch.signal(Signal::SIGINT);
    let end = watch.finish();
    assert_eq!((end.code, &end.stderr[..]), (Some(0), ""));
    assert_eq!(end.stdout, "", "what does not change is not told again");
}

#[test]
fn records_say_what_became_of_each() {
    let _alone = alone();
    if !fresh_namespace() {
        return;
    }
    let first = socket();
    let mut watch = Running::start(udpraw(["ports", "--watch", "--json", "--count", "60"]));
    let change = |line: &str| {
        let record: serde_json::Value = serde_json::from_str(line).expect("a record");
        record["change"].as_str().expect("a change").to_owned()
    };
    assert_eq!(change(&watch.line()), "present");
    let second = socket();
    assert_eq!(change(&watch.line()), "new");
    drop((first, second));
    assert_eq!(change(&watch.line()), "gone");
    assert_eq!(change(&watch.line()), "gone");
    watch.signal(Signal::SIGTERM);
    assert_eq!(watch.finish().code, Some(0));
}

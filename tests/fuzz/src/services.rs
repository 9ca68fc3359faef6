//! A services(5) file of any bytes: read, checked, and looked up in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use udpraw::services::{check, entries, lines};

fuzz_target!(|bytes: &[u8]| {
    let all: Vec<_> = entries(bytes).collect();
    let good = lines(bytes).filter(|line| matches!(line.content, Ok(Some(_)))).count();
    assert_eq!(all.len(), good);
    for entry in &all {
        let shown = format!("{} {} {:?}", entry.name, entry.protocol, entry.comment());
        assert!(!shown.contains('\x1b'), "a terminal would obey this");
        assert!(entry.port > 0 && entry.is_called(entry.name.as_bytes()));
        assert!(entry.aliases().all(|alias| entry.is_called(alias.as_bytes())));
    }
    check(bytes).for_each(drop);
});

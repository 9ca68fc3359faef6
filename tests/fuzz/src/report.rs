//! Files of runs: the lines of `load --json`, interval logs and histograms. What is read is merged, compared with
//! itself and drawn.
#![no_main]

use libfuzzer_sys::fuzz_target;
use udpraw::report::{Distribution, Merged, Run, compare, html};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(times) = Distribution::decode(text.trim()) {
            assert_eq!(Distribution::decode(&times.encode()).map(|it| it.count()), Ok(times.count()));
        }
    }
    let Ok(run) = Run::read("fuzz", data) else {
        return;
    };
    if let Ok(merged) = Merged::new(vec![run]) {
        assert!(!html(&merged, None).contains("<script"));
        let _ = compare(&merged, &merged);
    }
});

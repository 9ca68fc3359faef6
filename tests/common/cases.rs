//! How many cases a property is tried on.

use proptest::test_runner::Config;

/// So many, unless `PROPTEST_CASES` says otherwise. A failure prints its case, and no file is written.
pub(crate) fn cases(number: u32) -> Config {
    let config = Config::default();
    let is_set = std::env::var_os("PROPTEST_CASES").is_some();
    Config {
        cases: if is_set { config.cases } else { number },
        failure_persistence: None,
        ..config
    }
}

//! What people type: sizes, durations, probabilities, options, templates, queries. No panic, and no
//! error that moves a terminal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use udpraw::error::Result;
use udpraw::server::Template;
use udpraw::services::Query;
use udpraw::socket::options::OptionValue;
use udpraw::units;

fn calm<T>(result: Result<T>) {
    if let Err(error) = result {
        assert!(!error.to_string().contains('\x1b'), "{error:?}");
    }
}

fuzz_target!(|text: &str| {
    calm(units::bytes(text));
    calm(units::duration(text));
    calm(units::probability(text));
    calm(text.parse::<Query>());
    calm(text.parse::<OptionValue>());
    if let Ok(setting) = text.parse::<OptionValue>() {
        let again: OptionValue = setting.to_string().parse().expect("what is printed is read");
        assert_eq!(again, setting);
    }
    if let Ok(template) = text.parse::<Template>() {
        template.render(38, &mut Vec::new());
        assert_eq!(template.to_string(), text);
    }
});

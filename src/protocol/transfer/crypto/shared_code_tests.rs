use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Result<[u8; 16], CodeError> {
    text.parse::<SharedCode>().map(|code| *code.0)
}

/// The text with its symbols changed by `change`.
fn changed(code: &SharedCode, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut symbols = code.reveal().replace('-', "").into_bytes();
    change(&mut symbols);
    String::from_utf8(symbols).expect("ASCII")
}

#[test]
fn debug_shows_nothing() {
    let code = SharedCode::new([7; 16]);
    let shown = format!("{code:?} {:?}", code.pre_shared_key());
    assert_eq!(shown, "SharedCode PreSharedKey");
}

#[test]
fn errors_say_what_to_look_at() {
    let code = SharedCode::new(*b"sixteen bytes it");
    let say = |text: &str| parsed(text).expect_err("no code").to_string();
    assert_eq!(say(" - "), "the code is empty");
    let short = changed(&code, |symbols| symbols.truncate(27));
    assert_eq!(say(&short), "a code has 28 letters and digits, this one 27");
    let long = format!("{}-0", code.reveal());
    assert_eq!(say(&long), "a code has 28 letters and digits, this one 29");
    assert_eq!(say("12\u{7}"), "no code has '\\u{7}' (position 3)");
    let wrong = changed(&code, |symbols| {
        symbols[9] = if symbols[9] == b'X' { b'Y' } else { b'X' }
    });
    assert_eq!(
        say(&wrong),
        "the code has a typing error, probably in group 3"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn text_is_read_as_it_was_written(random: [u8; 16], lower: bool, spaces in 0..4_usize) {
        let code = SharedCode::new(random);
        let mut text = code.reveal();
        prop_assert_eq!(parsed(&text), Ok(random));
        if lower {
            text = text.to_lowercase().replace('0', "o").replace('1', "l");
        }
        text = text.replace('-', ["", " ", "\u{2013}", "\n- "][spaces]);
        prop_assert_eq!(parsed(&format!("  {text}\n")), Ok(random));
    }

    #[test]
    fn any_two_wrong_symbols_are_detected(random: [u8; 16], at in 0..SYMBOLS, other in 0..SYMBOLS, add in 1..32_usize, more in 1..32_usize) {
        prop_assume!(at != other);
        let code = SharedCode::new(random);
        let mut symbols = *code.symbols();
        symbols[at] ^= add as u8;
        symbols[other] ^= more as u8;
        prop_assert_ne!(syndromes(&symbols), (0, 0));
    }

    #[test]
    fn no_text_panics(text: String) {
        let _ = parsed(&text);
    }

    #[test]
    fn multiplication_is_a_fields(a in 0..32_u8, b in 0..32_u8, c in 0..32_u8) {
        prop_assert_eq!(times(a, b), times(b, a));
        prop_assert_eq!(times(a, times(b, c)), times(times(a, b), c));
        prop_assert_eq!(times(a, b ^ c), times(a, b) ^ times(a, c));
        prop_assert_eq!(times(a, b) == 0, a == 0 || b == 0);
    }
}

#[test]
fn the_generators_powers_differ() {
    let mut powers: Vec<_> = (0..31).map(power).collect();
    powers.sort_unstable();
    assert_eq!(powers, (1..32).collect::<Vec<_>>());
}

#[test]
fn every_wrong_symbol_is_found_in_its_group() {
    let code = SharedCode::new(*b"sixteen bytes it");
    let right = code.reveal().replace('-', "");
    for at in 0..SYMBOLS {
        for symbol in ALPHABET {
            let text = changed(&code, |symbols| symbols[at] = *symbol);
            match parsed(&text) {
                Ok(_) => assert_eq!(text, right),
                // Rarely an exchange elsewhere explains it as well.
                Err(CodeError::Check { group }) => {
                    assert!(group.is_none_or(|group| group == at / GROUP + 1), "{text}");
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[test]
fn every_exchange_is_detected() {
    let code = SharedCode::new(*b"another sixteen!");
    let right = code.reveal().replace('-', "");
    for first in 0..SYMBOLS {
        for second in 0..first {
            let text = changed(&code, |symbols| symbols.swap(first, second));
            assert_eq!(parsed(&text).is_ok(), text == right, "{first} {second}");
        }
    }
}

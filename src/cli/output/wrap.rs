//! Paragraphs: as wide as the terminal, and never wider than is easy to read.

use textwrap::{Options, WordSeparator};

/// The widest and the narrowest line.
const WIDEST: usize = 92;
const NARROWEST: usize = 20;

/// The width of the terminal, or of the widest line.
pub(crate) fn width() -> usize {
    let terminal = terminal_size::terminal_size();
    let width = terminal.map(|(width, _)| usize::from(width.0));
    width.unwrap_or(WIDEST).clamp(NARROWEST, WIDEST)
}

/// Breaks a text into lines: the first one behind `first`, the others behind `rest`. Chinese text is
/// broken between characters, which count two columns.
pub(crate) fn fill(text: &str, first: &str, rest: &str) -> String {
    fill_to(text, first, rest, width())
}

/// As [`fill`], to that width.
pub(crate) fn fill_to(text: &str, first: &str, rest: &str, width: usize) -> String {
    let options = Options::new(width)
        .initial_indent(first)
        .subsequent_indent(rest);
    let options = options.word_separator(if text.is_ascii() {
        WordSeparator::AsciiSpace
    } else {
        WordSeparator::UnicodeBreakProperties
    });
    textwrap::fill(text, options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_is_broken_by_width_and_not_before_a_comma() {
        let text = "发送：一二三四五六七八九十，甲乙丙丁戊己庚辛。";
        let filled = fill_to(text, "  ", "  ", 20);
        for line in filled.lines() {
            assert!(textwrap::core::display_width(line) <= 20, "{line}");
            let start = line.trim_start();
            assert!(
                !start.starts_with('，') && !start.starts_with('。'),
                "{line}"
            );
        }
        assert_eq!(filled.replace(['\n', ' '], ""), text);
    }
}

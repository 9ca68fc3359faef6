//! The pages of `--help`, in the width that the terminal has.
//!
//! clap wraps long lines but keeps the line breaks of a text: a paragraph written in lines of 100 would
//! be broken twice in a narrower terminal. So the text after the options is wrapped here first.

use clap::{Command, CommandFactory};

use super::args::Arguments;

/// The widest page, in columns.
const WIDEST: usize = 100;
/// The narrowest page, in columns: narrower ones cannot be read.
const NARROWEST: usize = 20;
/// From here on, in columns, what an option does stands beside its name in the short pages.
const BESIDE: usize = 40;
/// What clap puts before the usage.
const USAGE: &str = "Usage: ";
/// The columns that a remark needs to stand beside its example.
const COLUMN: usize = 24;
/// How far at least a remark below its example is indented in the texts of the commands.
const BELOW: usize = 10;
/// The indentation of the lines that continue an example.
const INDENT: &str = "      ";

/// The whole command line, laid out for the terminal.
pub(super) fn command() -> Command {
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let width = terminal.or_else(columns).unwrap_or(WIDEST);
    pages(width.clamp(NARROWEST, WIDEST))
}

fn pages(width: usize) -> Command {
    let mut command = Arguments::command().term_width(width);
    // Which gives each command its whole name, and the width.
    command.build();
    laid_out(command, width)
}

fn laid_out(mut command: Command, width: usize) -> Command {
    let usage = command.render_usage().to_string();
    if usage.lines().any(|line| line.chars().count() > width) {
        let usage = usage.trim_start_matches(USAGE);
        command = command.override_usage(wrapped_usage(usage, width));
    }
    if width < BESIDE {
        command = command.next_line_help(true);
    }
    if let Some(text) = command.get_after_help() {
        let text = text.to_string();
        command = command.after_help(lay_out(&text, width));
    }
    command.mut_subcommands(|command| laid_out(command, width))
}

/// The usage, which clap does not wrap; what is before its first line is not in the text.
fn wrapped_usage(usage: &str, width: usize) -> String {
    let before = " ".repeat(USAGE.len());
    let next = format!("{before}  ");
    let options = plain(width)
        .initial_indent(&before)
        .subsequent_indent(&next);
    let lines: Vec<_> = usage
        .lines()
        .map(|line| textwrap::fill(line.trim_start(), &options))
        .collect();
    lines.join("\n").trim_start().to_owned()
}

/// A piece of the text behind the options.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block<'a> {
    /// One line of any length; empty between two others.
    Paragraph(String),
    /// `  udpraw tour    what it shows`, and perhaps the remark on the next line.
    Example(&'a str, Option<&'a str>),
}

/// Splits a text into blocks, regardless of its own line breaks.
pub(super) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with(' ') {
            // A remark of its own line belongs to the example above it.
            let below = lines.next_if(|next| next.starts_with(&" ".repeat(BELOW)));
            found.push(Block::Example(line, below));
            continue;
        }
        let mut paragraph = line.to_owned();
        let goes_on = |next: &&str| !next.starts_with(' ') && !next.is_empty();
        while !line.is_empty()
            && let Some(next) = lines.next_if(goes_on)
        {
            paragraph = format!("{paragraph} {next}");
        }
        found.push(Block::Paragraph(paragraph));
    }
    found
}

/// An example's command and the remark on it, which may be empty.
pub(super) fn command_and_remark<'a>(line: &'a str, below: Option<&str>) -> (&'a str, String) {
    let (command, remark) = match line.trim_start().split_once("  ") {
        Some((command, remark)) => (command, remark.trim_start()),
        None => (line.trim_start(), ""),
    };
    let remark = [remark, below.unwrap_or_default().trim_start()].join(" ");
    (command, remark.trim().to_owned())
}

/// Wraps each paragraph and each example.
fn lay_out(text: &str, width: usize) -> String {
    let laid: Vec<String> = blocks(text)
        .into_iter()
        .map(|block| match block {
            Block::Paragraph(text) => textwrap::fill(&text, plain(width)),
            Block::Example(line, below) => example(line, below, width),
        })
        .collect();
    laid.join("\n")
}

/// An example as it is, or broken where it is too wide. The remarks of a page that have a column stand in
/// it or all below their examples.
fn example(line: &str, below: Option<&str>, width: usize) -> String {
    let (command, remark) = command_and_remark(line, below);
    let column = column_of_remark(line, below).filter(|column| column + COLUMN <= width);
    let whole = [Some(line), below].into_iter().flatten();
    let fits = whole.clone().all(|line| line.chars().count() <= width);
    if fits && (column.is_some() || remark.is_empty()) {
        return whole.collect::<Vec<_>>().join("\n");
    }
    let options = plain(width).initial_indent("  ").subsequent_indent(INDENT);
    let shown = textwrap::fill(command, options);
    if remark.is_empty() {
        return shown;
    }
    if let (Some(column), None) = (column, below) {
        let first = format!("{shown:column$}");
        let next = " ".repeat(column);
        let options = plain(width).initial_indent(&first).subsequent_indent(&next);
        return textwrap::fill(&remark, options);
    }
    let options = plain(width)
        .initial_indent(INDENT)
        .subsequent_indent(INDENT);
    format!("{shown}\n{}", textwrap::fill(&remark, options))
}

/// The column in which the remarks of a page stand, if they have one: those below long examples do not.
fn column_of_remark(line: &str, below: Option<&str>) -> Option<usize> {
    if let Some(below) = below {
        let column = below.len() - below.trim_start().len();
        return (column > BELOW).then_some(column);
    }
    let (_, remark) = line.trim_start().split_once("  ")?;
    Some(line.len() - remark.trim_start().len())
}

/// Breaks only at spaces, so that an option or a path stays whole.
fn plain<'a>(width: usize) -> textwrap::Options<'a> {
    textwrap::Options::new(width)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every page, with what stands behind its options as it was laid out.
    fn collect(command: &mut Command, found: &mut Vec<(String, String)>) {
        let laid = command.get_after_help().map(ToString::to_string);
        found.push((
            command.render_long_help().to_string(),
            laid.unwrap_or_default(),
        ));
        for command in command.get_subcommands_mut() {
            collect(command, found);
        }
    }

    /// Whether the next line's first word would have fitted.
    fn had_room(line: &str, next: &str, width: usize) -> bool {
        let word = next.split_whitespace().next().unwrap_or_default();
        line.chars().count() + 1 + word.chars().count() <= width
    }

    #[test]
    fn no_line_is_broken_twice() {
        for width in [20, 40, 60, 80, 100] {
            let mut command = pages(width);
            let mut found = Vec::new();
            collect(&mut command, &mut found);
            assert!(found.len() > 15);
            for (page, laid) in found {
                assert!(page.contains(&laid), "clap broke it anew:\n{page}");
                let lines: Vec<_> = laid.lines().collect();
                for pair in lines.windows(2) {
                    let is_text = |line: &str| !line.is_empty() && !line.starts_with(' ');
                    let is_paragraph = pair.iter().all(|line| is_text(line));
                    assert!(
                        !is_paragraph || !had_room(pair[0], pair[1], width),
                        "{page}"
                    );
                }
                for line in lines {
                    // A long word alone cannot be broken.
                    let is_one = line.split_whitespace().count() < 2;
                    assert!(line.chars().count() <= width || is_one, "{line}\n{page}");
                }
            }
        }
    }

    #[test]
    fn a_remark_goes_where_there_is_room() {
        let text = "Examples:\n  udpraw a    what it does and what not\n  udpraw b\n              the other\n\nOne,\ntwo.";
        assert_eq!(lay_out(text, 80), text.replace(",\n", ", "));
        // Both below: the second one has no more room for its column than the first one.
        assert_eq!(
            lay_out(text, 35),
            "Examples:\n  udpraw a\n      what it does and what not\n  udpraw b\n      the other\n\nOne, two."
        );
        assert_eq!(
            lay_out(text, 20),
            "Examples:\n  udpraw a\n      what it does\n      and what not\n  udpraw b\n      the other\n\nOne, two."
        );
    }
}

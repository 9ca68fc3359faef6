//! Starter files: the task as a comment, and a program that does not pass yet.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use clap::ValueEnum;
use udpraw::error::{Error, Result};

use super::Exercise;
use crate::cli::learn::text::Text;

/// A programming language of starter files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Programming {
    /// Python 3
    #[default]
    Python,
    /// C
    C,
    /// Rust
    Rust,
}

/// The program that a starter file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skeleton {
    /// It receives, and does not answer.
    Receiver,
    /// The textbook's server.
    Server,
    /// The textbook's client.
    Client,
}

impl Skeleton {
    fn source(self, language: Programming) -> &'static str {
        match (self, language) {
            (Self::Receiver, Programming::Python) => include_str!("starters/receiver.py"),
            (Self::Receiver, Programming::C) => include_str!("starters/receiver.c"),
            (Self::Receiver, Programming::Rust) => include_str!("starters/receiver.rs.txt"),
            (Self::Server, Programming::Python) => include_str!("starters/server.py"),
            (Self::Server, Programming::C) => include_str!("starters/server.c"),
            (Self::Server, Programming::Rust) => include_str!("starters/server.rs.txt"),
            (Self::Client, Programming::Python) => include_str!("starters/client.py"),
            (Self::Client, Programming::C) => include_str!("starters/client.c"),
            (Self::Client, Programming::Rust) => include_str!("starters/client.rs.txt"),
        }
    }
}

impl Programming {
    fn extension(self) -> &'static str {
        match self {
            Self::Python => "py",
            Self::C => "c",
            Self::Rust => "rs",
        }
    }

    fn comment(self) -> &'static str {
        match self {
            Self::Python => "#",
            Self::C | Self::Rust => "//",
        }
    }
}

impl Exercise {
    /// The text of a starter file.
    pub(crate) fn starter(&self, text: &dyn Text, language: Programming) -> String {
        let task = (self.task)(text);
        let lines = std::iter::once(task.title).chain(task.task.lines());
        let check = text.how_to_check(&self.check_command(language));
        let comment = language.comment();
        let mut file: String = lines
            .chain(["", &check])
            .map(|line| format!("{comment} {line}").trim_end().to_owned() + "\n")
            .collect();
        file.push('\n');
        file.push_str(self.skeleton.source(language));
        file
    }

    /// Where the starter file is written.
    pub(crate) fn file(&self, language: Programming) -> String {
        format!("{}.{}", self.name, language.extension())
    }

    /// The command that checks it.
    pub(crate) fn check_command(&self, language: Programming) -> String {
        let (name, file) = (self.name, self.file(language));
        match language {
            Programming::Python => format!("udpraw learn check {name} -- python3 {file}"),
            Programming::C => {
                format!("cc -o {name} {file} && udpraw learn check {name} -- ./{name}")
            }
            Programming::Rust => format!("rustc {file} && udpraw learn check {name} -- ./{name}"),
        }
    }
}

/// Writes a file that is not there yet.
///
/// # Errors
/// If it is there: it is never overwritten.
pub(crate) fn write(file: &Path, content: &str) -> Result<()> {
    let shown = file.display().to_string();
    let failed = |source: std::io::Error| {
        let is_there = source.kind() == std::io::ErrorKind::AlreadyExists;
        let error = Error::os("write", &shown, source);
        if is_there {
            return error.with_remedy("it is not overwritten: delete it, or move it away");
        }
        error
    };
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    let mut opened = opened.map_err(failed)?;
    opened.write_all(content.as_bytes()).map_err(failed)
}

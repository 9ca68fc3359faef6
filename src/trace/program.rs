//! A program to trace, prepared for execve(2).

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::refusal::Refusal;
use crate::error::{Error, Result};
use crate::sys::spawn;

/// A program to trace: its file, its arguments, and its standard streams.
#[derive(Debug)]
pub struct Program {
    name: OsString,
    arguments: Vec<OsString>,
    streams: [Option<OwnedFd>; 3],
    without: Vec<OsString>,
}

impl Program {
    /// Takes the name of a program, which is searched in `PATH` unless it contains a slash, and its
    /// arguments.
    pub fn new<S: Into<OsString>>(
        name: impl Into<OsString>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            name: name.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            streams: [None, None, None],
            without: Vec::new(),
        }
    }

    /// Redirects its standard output; the default is the tracer's.
    #[must_use]
    pub fn stdout(mut self, fd: OwnedFd) -> Self {
        self.streams[1] = Some(fd);
        self
    }

    /// Redirects its standard error; the default is the tracer's.
    #[must_use]
    pub fn stderr(mut self, fd: OwnedFd) -> Self {
        self.streams[2] = Some(fd);
        self
    }

    /// Redirects its standard input; the default is the tracer's.
    #[must_use]
    pub fn stdin(mut self, fd: OwnedFd) -> Self {
        self.streams[0] = Some(fd);
        self
    }

    /// Removes a variable from its environment.
    #[must_use]
    pub fn without(mut self, variable: impl Into<OsString>) -> Self {
        self.without.push(variable.into());
        self
    }

    /// Its name as given, safe on a terminal.
    pub(super) fn subject(&self) -> String {
        format!("'{}'", self.name.to_string_lossy().escape_debug())
    }

    /// Forks a child that waits for its tracer.
    pub(super) fn fork(&self, filter: Option<&[libc::sock_filter]>) -> Result<spawn::Waiting> {
        let bad = |_| Error::invalid("run", self.subject(), "it contains a zero byte");
        let text = |text: &OsStr| CString::new(text.as_bytes()).map_err(bad);
        let files = self.files();
        let files: Vec<_> = files
            .iter()
            .map(|file| text(file.as_os_str()))
            .collect::<Result<_>>()?;
        let words = std::iter::once(&self.name).chain(&self.arguments);
        let arguments: Vec<_> = words.map(|word| text(word)).collect::<Result<_>>()?;
        let variables = std::env::vars_os().filter(|(name, _)| !self.without.contains(name));
        let environment: Vec<_> = variables
            .map(|(name, value)| {
                let mut pair = name.into_vec();
                pair.push(b'=');
                pair.extend(value.into_vec());
                CString::new(pair).map_err(bad)
            })
            .collect::<Result<_>>()?;
        let program = spawn::Program {
            files: &files,
            arguments: &arguments,
            environment: &environment,
            filter,
            streams: self
                .streams
                .each_ref()
                .map(|fd| fd.as_ref().map(AsFd::as_fd))
                as [Option<BorrowedFd<'_>>; 3],
        };
        spawn::start(&program).map_err(|source| Error::os("run", self.subject(), source))
    }

    /// The files to try: the name itself, or the name in each directory of `PATH`.
    fn files(&self) -> Vec<PathBuf> {
        if self.name.as_bytes().contains(&b'/') || self.name.is_empty() {
            return vec![PathBuf::from(&self.name)];
        }
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
        let folders = std::env::split_paths(&path);
        folders
            .map(|folder| {
                if folder.as_os_str().is_empty() {
                    Path::new(".").join(&self.name)
                } else {
                    folder.join(&self.name)
                }
            })
            .collect()
    }

    /// Why it could not be run.
    pub(super) fn refused(&self, errno: i32) -> Error {
        let error = Error::os("run", self.subject(), io::Error::from_raw_os_error(errno));
        let refusal = match errno {
            libc::ENOENT if self.name.as_bytes().contains(&b'/') => Refusal::NoFile,
            libc::ENOENT => Refusal::NotInPath,
            libc::EACCES => Refusal::NotExecutable,
            libc::ENOEXEC => Refusal::NoProgram,
            libc::ESRCH => Refusal::LetGo,
            _ => return error,
        };
        refusal.explain(error)
    }
}

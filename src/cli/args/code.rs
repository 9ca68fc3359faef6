//! The code of a transfer: made, read from a file or the environment, or asked for.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use udpraw::error::{Error, Result};
use udpraw::protocol::transfer::crypto::SharedCode;

/// The variable that holds the code.
const VARIABLE: &str = "UDPRAW_CODE";
/// The most bytes of a file with a code.
const MAX_FILE: u64 = 4_096;

/// How both ends come to the code.
#[derive(Debug, Args)]
pub(crate) struct CodeArguments {
    /// File with the code; the receiver makes it with a new code if it does not exist
    #[arg(long, value_name = "FILE", conflicts_with = "open")]
    code_file: Option<PathBuf>,

    /// Neither encrypt nor authenticate: both ends need this option
    #[arg(long)]
    pub(crate) open: bool,
}

/// The code of a receiver.
#[derive(Debug)]
pub(crate) struct ReceiverCode {
    pub(crate) code: SharedCode,
    /// Whether its user has to be told.
    pub(crate) is_new: bool,
}

impl CodeArguments {
    /// The sender's code; none if the transfer is open.
    pub(super) fn of_sender(&self, code: Option<&str>) -> Result<Option<SharedCode>> {
        if self.open {
            return Ok(None);
        }
        if let Some(text) = code {
            return parse(text, "the code of --code").map(Some);
        }
        if let Some(code) = self.given()? {
            return Ok(Some(code));
        }
        ask().map(Some)
    }

    /// The receiver's code; none if transfers are open.
    pub(crate) fn of_receiver(&self) -> Result<Option<ReceiverCode>> {
        if self.open {
            return Ok(None);
        }
        if let Some(path) = &self.code_file
            && path.symlink_metadata().is_err()
        {
            let code = new()?;
            write(path, &code)?;
            return Ok(Some(ReceiverCode { code, is_new: true }));
        }
        Ok(Some(match self.given()? {
            Some(code) => ReceiverCode {
                code,
                is_new: false,
            },
            None => ReceiverCode {
                code: new()?,
                is_new: true,
            },
        }))
    }

    /// The code of the file or the environment.
    fn given(&self) -> Result<Option<SharedCode>> {
        if let Some(path) = &self.code_file {
            return read(path).map(Some);
        }
        match env::var(VARIABLE) {
            Ok(text) => parse(&text, "the code in UDPRAW_CODE").map(Some),
            Err(env::VarError::NotPresent) => Ok(None),
            Err(env::VarError::NotUnicode(_)) => Err(Error::invalid(
                "read",
                "the code in UDPRAW_CODE",
                "it is not text",
            )),
        }
    }
}

fn parse(text: &str, subject: &str) -> Result<SharedCode> {
    text.trim().parse().map_err(|error| {
        Error::invalid("read", subject, format!("{error}"))
            .with_remedy("compare it with what udpraw recv printed")
    })
}

fn read(path: &Path) -> Result<SharedCode> {
    let failed = |source| Error::os("read the code in", path.display(), source);
    let file = fs::File::open(path).map_err(failed)?;
    let mut line = String::new();
    let mut reader = BufReader::new(io::Read::take(file, MAX_FILE));
    reader.read_line(&mut line).map_err(failed)?;
    parse(&line, &format!("the code in {}", path.display()))
}

fn write(path: &Path, code: &SharedCode) -> Result<()> {
    let failed = |source| Error::os("write the code to", path.display(), source);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    writeln!(file, "{}", code.reveal()).map_err(failed)
}

fn new() -> Result<SharedCode> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::os("get", "random bytes", error.into()))?;
    Ok(SharedCode::new(bytes))
}

/// Asks on the terminal; standard input may be what is sent.
fn ask() -> Result<SharedCode> {
    let missing = || {
        Error::invalid("send", "without a code", "udpraw recv prints it").with_remedy(
            "give it by --code-file FILE, the variable UDPRAW_CODE or --code CODE; to a receiver \
             with --open, use --open",
        )
    };
    if !io::stderr().is_terminal() {
        return Err(missing());
    }
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty");
    let Ok(mut terminal) = terminal else {
        return Err(missing());
    };
    let failed = |source| Error::os("read", "the code", source);
    write!(terminal, "Code of the receiver: ").map_err(failed)?;
    let mut line = String::new();
    BufReader::new(terminal)
        .read_line(&mut line)
        .map_err(failed)?;
    if line.trim().is_empty() {
        return Err(missing());
    }
    parse(&line, "the code")
}

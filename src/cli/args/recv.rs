//! `udpraw recv`.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use udpraw::error::{Error, Result};
use udpraw::io::BackendChoice;
use udpraw::protocol::transfer::crypto::PreSharedKey;
use udpraw::socket::Family;
use udpraw::transfer::{Network, ReceiveConfig, Target};
use udpraw::units;

use super::address::Address;
use super::code::CodeArguments;
use super::endpoint::FamilyArguments;
use super::socket::SocketArguments;
use crate::cli::closed;

/// Where a transfer is received, unless told otherwise.
pub(super) const PORT: &str = "1061";

const EXAMPLES: &str = "\
Examples:
  udpraw recv --into inbox --count 1           prints a code; what comes keeps its names
  udpraw recv 0.0.0.0 -o backup.tar            from any machine that has the code
  udpraw recv 0.0.0.0 | tar x                  into a pipe
  udpraw recv --into inbox --resume            go on with interrupted transfers, skip what is there
  udpraw recv --into inbox --from 192.0.2.0/24 --code-file code
  udpraw recv -o f --wait 30s --timeout 5s     give up if there is no sender, or it falls silent

Nothing is overwritten without --overwrite. Until a file is complete it has another name. Everything
is encrypted, and only who has the code may send; with --open anybody may who can reach the port.
The sender: udpraw send HOST PATH...

Exit status: 0 success (everything that was sent is stored), 1 negative result (something is not, or
no sender connected), 2 error.";

/// The address to receive at, and the files to write.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RecvArguments {
    /// Address to bind, optionally with a port: HOST, HOST:PORT, [ADDR]:PORT or :PORT; the same as --bind
    /// and --port
    #[arg(value_name = "HOST", conflicts_with_all = ["bind", "listen"])]
    address: Option<String>,

    /// The same as --port
    #[arg(value_name = "PORT", conflicts_with = "port")]
    port_word: Option<String>,

    /// Address and port, as nc -l takes them
    #[arg(short, long, value_name = "ADDR", hide = true, num_args = 0..=2, conflicts_with = "bind")]
    listen: Option<Vec<String>>,

    /// File to write one file or stream to; `-` writes to standard output even if it is a terminal
    #[arg(
        short,
        long,
        value_name = "FILE",
        conflicts_with = "into",
        alias = "file"
    )]
    output: Option<PathBuf>,

    /// Receive any number of files and folders into this folder
    #[arg(long, value_name = "DIR", aliases = ["dir", "folder", "directory"])]
    into: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) access: CodeArguments,

    /// Who may send: an address or a network such as 192.0.2.0/24; may be repeated [default: anybody]
    #[arg(long, value_name = "ADDR")]
    from: Vec<Network>,

    /// Replace files that exist
    #[arg(long)]
    overwrite: bool,

    /// Stop after N transfers, stored or not
    #[arg(short, long, value_name = "N", requires = "into",
        value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Go on with what an interrupted transfer left, and skip files that are there and equal
    #[arg(long)]
    resume: bool,

    /// Compare files that are there by their contents, not by size and time
    #[arg(long, requires = "resume")]
    checksum: bool,

    /// Address to bind: an IPv4 or IPv6 address, or a name [default: 127.0.0.1]
    #[arg(long, value_name = "ADDR", aliases = ["host", "address", "addr"])]
    bind: Option<String>,

    #[command(flatten)]
    family: FamilyArguments,

    /// Port: a number, a service name, or 0 for one that the OS picks [default: 1061]
    #[arg(short, long)]
    port: Option<String>,

    /// Give up a transfer if its sender is silent for this time; a bare number counts seconds
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = silence)]
    timeout: Duration,

    /// Give up if no sender has connected after this time; a bare number counts seconds [default: no limit]
    #[arg(long, value_name = "TIME", value_parser = units::duration, short_alias = 'w')]
    wait: Option<Duration>,

    /// Memory for what is on its way: at most SIZE bytes [default: 256MiB; 16MiB without a code]
    #[arg(long, value_name = "SIZE", value_parser = window)]
    max_window: Option<u64>,

    /// Backend: single, batch, offload, uring, or auto for the best that works here
    #[arg(long, value_name = "BACKEND", default_value = "auto")]
    io: BackendChoice,

    /// Print only notes and errors
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Show the file descriptor, requested and effective socket options, and the backend
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,

    #[command(flatten)]
    socket: SocketArguments,
}

/// How long the other end may be silent.
pub(super) fn silence(text: &str) -> Result<Duration> {
    let time = units::duration(text)?;
    if time < Duration::from_millis(100) {
        let subject = format!("timeout '{}'", text.escape_debug());
        return Err(Error::invalid("use", subject, "the shortest is 100ms"));
    }
    Ok(time)
}

/// How much memory what is on its way may take.
pub(super) fn window(text: &str) -> Result<u64> {
    let bytes = units::bytes(text)?;
    if bytes < 64 << 10 {
        let subject = format!("a window of '{}'", text.escape_debug());
        return Err(Error::invalid("use", subject, "the smallest is 64KiB"));
    }
    Ok(bytes)
}

impl RecvArguments {
    /// What to receive, and how.
    ///
    /// `passed` is where a socket that was passed is bound.
    pub(crate) fn config(
        &self,
        is_json: bool,
        passed: Option<SocketAddr>,
        key: Option<PreSharedKey>,
    ) -> Result<ReceiveConfig> {
        let place = self.place()?;
        let address = match passed {
            Some(passed) => {
                let port = place.port.map(|_| place.single_port(PORT)).transpose()?;
                self.family.check(passed, place.host, port)?;
                passed
            }
            None => self.first_address(place)?,
        };
        let target = self.target(is_json)?;
        let mut config = ReceiveConfig::new(address, target, key);
        config.from.clone_from(&self.from);
        config.overwrite = self.overwrite;
        config.resume = self.resume;
        config.checksum = self.checksum;
        config.count = self.count.or(config.count);
        config.timeout = self.timeout;
        config.max_window = self.max_window;
        config.patience = self.wait;
        config.options = self.socket.settings(Family::of(address))?;
        config.choice = self.io;
        Ok(config)
    }

    /// Where to listen, from the words or the flags.
    fn place(&self) -> Result<Address<'_>> {
        let mut listen = self.listen.iter().flatten();
        let text = listen
            .next()
            .or(self.address.as_ref())
            .or(self.bind.as_ref());
        let port = listen
            .next()
            .or(self.port_word.as_ref())
            .or(self.port.as_ref());
        Address::with_port(text.map(String::as_str), port.map(String::as_str))
    }

    /// Of a name it is the first address, as the resolver orders them.
    fn first_address(&self, place: Address<'_>) -> Result<SocketAddr> {
        let port = place.single_port(PORT)?;
        let host = place.host.unwrap_or("127.0.0.1");
        let resolved = self.family.resolve(host, port);
        let resolved = resolved.map_err(|error| match &self.address {
            Some(word) if self.output.is_none() && self.into.is_none() => {
                error.with_remedy(format!(
                    "the word is an address; for a file write: udpraw recv -o {}",
                    word.escape_debug()
                ))
            }
            _ => error,
        });
        Ok(resolved?.swap_remove(0))
    }

    fn target(&self, is_json: bool) -> Result<Target> {
        let is_forced = self
            .output
            .as_ref()
            .is_some_and(|path| path.as_os_str() == "-");
        match (&self.into, &self.output) {
            (Some(folder), _) => {
                return Ok(Target::Folder(folder.clone()));
            }
            (None, Some(file)) if !is_forced => return Ok(Target::File(file.clone())),
            _ => {}
        }
        if self.resume {
            return Err(
                Error::invalid("use", "--resume", "a pipe keeps nothing to go on with")
                    .with_remedy("name a file with -o, or a folder with --into"),
            );
        }
        if is_json {
            let reason = "standard output carries the stream itself";
            return Err(Error::invalid("use", "--json", reason)
                .with_remedy("name a file with -o, or a folder with --into"));
        }
        closed::check_output()?;
        let stdout = io::stdout();
        if stdout.is_terminal() && !is_forced {
            return Err(Error::invalid(
                "write to",
                "the terminal",
                "the stream may hold any bytes",
            )
            .with_remedy("name a file with -o FILE, pipe it on, or insist with -o -"));
        }
        let fd = stdout.as_fd().try_clone_to_owned();
        fd.map(Target::Output)
            .map_err(|source| Error::os("use", "standard output", source))
    }
}

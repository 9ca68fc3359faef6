//! `udpraw send`.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use udpraw::error::{Error, Result};
use udpraw::io::BackendChoice;
use udpraw::protocol::congestion::{self, Controller};
use udpraw::services::resolve_port;
use udpraw::socket::Family;
use udpraw::transfer::SendConfig;
use udpraw::transfer::tree::{Exclude, Roots, Tree};
use udpraw::units;

use super::address::Address;
use super::code::CodeArguments;
use super::endpoint::FamilyArguments;
use super::recv::{PORT, silence, window};
use super::socket::SocketArguments;
use crate::cli::closed;

const EXAMPLES: &str = "\
Examples:
  udpraw send 192.0.2.7 film.mkv               asks for the code that udpraw recv printed
  udpraw send 192.0.2.7 photos notes.txt       a folder and a file
  udpraw send box src --exclude '*.o' --resume go on where an earlier transfer stopped
  tar c . | udpraw send 192.0.2.7              a pipe to another machine
  udpraw send 192.0.2.7 big --rate 20Mbit --priority low
  udpraw send localhost f --open               to udpraw recv --open: nothing is encrypted
The receiver: udpraw recv --bind ADDR [-o FILE | --into DIR]

Everything is encrypted with a key that the code makes. The code on the command line can be seen by
other users of this machine (ps); the prompt, --code-file and the variable UDPRAW_CODE cannot.

Exit status: 0 success (the receiver has stored everything), 1 negative result (something is not
stored), 2 error of this side.";

/// The receiver and what is sent.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, override_usage = "udpraw send [OPTIONS] HOST[:PORT] [PATH]...\n       udpraw send [OPTIONS] HOST PORT PATH...")]
pub(crate) struct SendArguments {
    /// Receiver: an address or a name, optionally with a port: HOST, HOST:PORT or [ADDR]:PORT
    host: String,

    /// Files and folders to send, after the port if HOST has none; without any or with `-`, standard
    /// input is sent
    #[arg(value_name = "[PORT] PATH", num_args = 0..)]
    words: Vec<PathBuf>,

    /// Code that the receiver printed; other users of this machine can see it here
    #[arg(long, value_name = "CODE", conflicts_with_all = ["code_file", "open"])]
    code: Option<String>,

    #[command(flatten)]
    access: CodeArguments,

    /// Leave out what matches: a name at any depth (`*.o`), a path (`/build`), only folders (`target/`);
    /// may be repeated
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,

    /// Go on if the receiver is started again meanwhile; what is there already is found by udpraw recv
    /// --resume
    #[arg(long)]
    resume: bool,

    /// Send at most this much, headers of IP and UDP not counted: 20Mbit, 2MB
    #[arg(long, value_name = "RATE", value_parser = units::rate)]
    rate: Option<u64>,

    /// Give way to other traffic
    #[arg(long, value_enum, default_value_t)]
    priority: Priority,

    /// Congestion control: cubic, as TCP, or bbr, for paths with random loss
    #[arg(long, value_name = "NAME", default_value_t)]
    congestion: Controller,

    #[command(flatten)]
    family: FamilyArguments,

    /// Port: a number or a service name, unless HOST has one [default: 1061]
    #[arg(short, long, short_alias = 'P')]
    port: Option<String>,

    /// Name of the file or folder at the receiver [default: its own; of standard input, stdin]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Largest datagram to try, in bytes of UDP payload [default: the MTU of the first hop]
    #[arg(long, value_name = "BYTES", value_parser = max_datagram)]
    max_datagram: Option<u16>,

    /// Give up if the receiver is silent for this time; a bare number counts seconds
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = silence, short_alias = 'w', alias = "wait")]
    timeout: Duration,

    /// Memory for what is on its way: at most SIZE bytes [default: 256MiB; 16MiB without a code]
    #[arg(long, value_name = "SIZE", value_parser = window)]
    max_window: Option<u64>,

    /// Backend: single, batch, offload, uring, or auto for the best that works here
    #[arg(long, value_name = "BACKEND", default_value = "auto")]
    io: BackendChoice,

    /// Print only notes and errors
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    socket: SocketArguments,
}

/// How a transfer shares the path with others.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Priority {
    /// As an equal
    #[default]
    Normal,
    /// With what others leave (LEDBAT++)
    Low,
}

/// A length of datagrams that a transfer can use.
fn max_datagram(text: &str) -> Result<u16> {
    let bytes = units::bytes(text)?;
    match u16::try_from(bytes) {
        Ok(bytes @ 512..=65_507) => Ok(bytes),
        _ => {
            let subject = format!("datagrams of '{}'", text.escape_debug());
            Err(Error::invalid(
                "use",
                subject,
                "they hold 512 to 65507 bytes",
            ))
        }
    }
}

impl SendArguments {
    /// The port, if one stands for itself, and what is to be sent.
    fn split(&self) -> Result<(Option<Cow<'_, str>>, &[PathBuf])> {
        let is_port = |word: &Path| {
            let text = word.to_string_lossy();
            text.bytes().all(|byte| byte.is_ascii_digit())
                || (!word.exists() && resolve_port(&text).is_ok())
        };
        let (word, paths) = match self.words.as_slice() {
            [word, paths @ ..] if !paths.is_empty() && is_port(word) => (Some(word), paths),
            paths => (None, paths),
        };
        let word = word.map(|word| word.to_string_lossy());
        match (word, &self.port) {
            (Some(word), Some(flag)) => {
                let subject = format!(
                    "port {} and --port {}",
                    word.escape_debug(),
                    flag.escape_debug()
                );
                Err(Error::invalid("use", subject, "one is needed")
                    .with_remedy("leave one of them out"))
            }
            (word, flag) => Ok((word.or(flag.as_deref().map(Cow::from)), paths)),
        }
    }

    /// Whether standard input is sent.
    pub(crate) fn is_stdin(&self) -> bool {
        let is_dash = |path: &PathBuf| path.as_os_str() == "-";
        self.words.is_empty() || self.words.iter().any(is_dash)
    }

    /// What to send.
    fn tree(&self, paths: &[PathBuf]) -> Result<Tree> {
        let mut roots = Roots::new();
        if self.name.is_some() && paths.len() > 1 {
            return Err(Error::invalid(
                "use",
                "--name",
                "it is one name for several paths",
            ));
        }
        for path in paths {
            if path.as_os_str() != "-" {
                roots
                    .add_as(path, self.name.as_deref())
                    .map_err(|error| self.about_file(error, path))?;
            }
        }
        if self.is_stdin() {
            closed::check_input()?;
            let stdin = io::stdin().as_fd().try_clone_to_owned();
            let stdin = stdin.map_err(|source| Error::os("read", "standard input", source))?;
            roots.add_stream(stdin, self.name.as_deref().unwrap_or("stdin"))?;
        }
        Ok(Tree::new(roots, Exclude::new(&self.exclude)?))
    }

    /// What to send, where to, and how.
    pub(crate) fn config(&self) -> Result<SendConfig> {
        let (port, paths) = self.split()?;
        let destinations = self.destinations(port.as_deref())?;
        let tree = self.tree(paths)?;
        // Options are those of one family, and so are the addresses where options are asked for.
        let families: Vec<_> = [Family::V4, Family::V6]
            .into_iter()
            .filter(|family| destinations.iter().any(|to| Family::of(*to) == *family))
            .map(|family| Ok((family, self.socket.settings(family)?)))
            .collect::<Result<_>>()?;
        let first = destinations.first().map(|to| Family::of(*to));
        let code = self.access.of_sender(self.code.as_deref())?;
        let key = code.map(|code| code.pre_shared_key());
        let mut config = SendConfig::new(tree, destinations, key);
        let same = |list: &[_]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        if let [(_, v4), (_, v6)] = &families[..]
            && same(v4) != same(v6)
        {
            config
                .destinations
                .retain(|to| Some(Family::of(*to)) == first);
        }
        let options = families
            .into_iter()
            .find(|(family, _)| Some(*family) == first);
        config.options = options.map(|(_, settings)| settings).unwrap_or_default();
        config.resume = self.resume;
        let priority = match self.priority {
            Priority::Normal => congestion::Priority::Normal,
            Priority::Low => congestion::Priority::Low,
        };
        config.controller = priority.controller(self.congestion);
        config.max_rate = self.rate;
        config.max_datagram = self.max_datagram;
        config.timeout = self.timeout;
        config.max_window = self.max_window;
        config.choice = self.io;
        Ok(config)
    }

    /// The error; if what was taken for a file is a port, how to write that.
    fn about_file(&self, error: Error, path: &Path) -> Error {
        let file = path.to_string_lossy();
        let is_port = resolve_port(&file).is_ok() && error.kind() == io::ErrorKind::NotFound;
        if is_port && self.words.len() == 1 && !self.host.contains(':') {
            let host = self.host.escape_debug();
            return error.with_remedy(format!(
                "if it is the port, write it with the host: udpraw send {host}:{file} FILE"
            ));
        }
        error
    }

    /// The error; if what was taken for a host is a file, how to write that.
    fn about_host(&self, error: Error) -> Error {
        if !Path::new(&self.host).exists() {
            return error;
        }
        let host = match self.words.as_slice() {
            [host] if !host.exists() => host.to_string_lossy(),
            _ => "HOST".into(),
        };
        let (host, file) = (host.escape_debug(), self.host.escape_debug());
        error.with_remedy(format!(
            "the receiver comes first: udpraw send {host} {file}"
        ))
    }

    fn destinations(&self, port: Option<&str>) -> Result<Vec<SocketAddr>> {
        let address = Address::with_port(Some(&self.host), port)?;
        let port = address.destination_port(PORT)?;
        let host = address.host.unwrap_or("127.0.0.1");
        let resolved = self.family.resolve(host, port);
        resolved.map_err(|error| self.about_host(error))
    }
}

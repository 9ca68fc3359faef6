//! `udpraw send`.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use udpraw::error::{Error, Result};
use udpraw::io::BackendChoice;
use udpraw::services::resolve_port;
use udpraw::socket::Family;
use udpraw::transfer::{Input, SendConfig};
use udpraw::units;

use super::address::Address;
use super::endpoint::FamilyArguments;
use super::recv::{PORT, silence};
use super::socket::SocketArguments;
use crate::cli::closed;

const EXAMPLES: &str = "\
Examples:
  udpraw send localhost backup.tar             to udpraw recv on this machine
  tar c . | udpraw send 192.0.2.7              a pipe to another machine
  udpraw send 192.0.2.7 - --name log.txt <log  standard input, under this name
  udpraw send ::1 big --timeout 5s --json      give up soon, and report in JSON
The receiver: udpraw recv --bind ADDR -o FILE

All addresses of a name are tried. The stream is not encrypted. Congestion control is CUBIC (RFC
9438), as in TCP.

Exit status: 0 success (the receiver has stored the complete stream), 1 negative result (it has not), 2 error of this
side.";

/// The receiver and the stream.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, override_usage = "udpraw send [OPTIONS] HOST[:PORT] [FILE]\n       udpraw send [OPTIONS] HOST PORT FILE")]
pub(crate) struct SendArguments {
    /// Receiver: an address or a name, optionally with a port: HOST, HOST:PORT or [ADDR]:PORT
    host: String,

    /// Port of the receiver, and file to send; without a file or with `-`, standard input is sent
    #[arg(value_name = "[PORT] FILE", num_args = 0..=2)]
    words: Vec<PathBuf>,

    #[command(flatten)]
    family: FamilyArguments,

    /// Port: a number or a service name, unless HOST has one [default: 1061]
    #[arg(short, long, short_alias = 'P')]
    port: Option<String>,

    /// Name of the file at the receiver [default: the name of the file]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Largest datagram to try, in bytes of UDP payload [default: the MTU of the first hop]
    #[arg(long, value_name = "BYTES", value_parser = max_datagram)]
    max_datagram: Option<u16>,

    /// Give up if the receiver is silent for this time; a bare number counts seconds
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = silence, short_alias = 'w', alias = "wait")]
    timeout: Duration,

    /// Backend: single, batch, offload, uring, or auto for the best that works here
    #[arg(long, value_name = "BACKEND", default_value = "auto")]
    io: BackendChoice,

    /// Print only notes and errors
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    socket: SocketArguments,
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
    /// The file to send, `-` for standard input.
    fn file(&self) -> &Path {
        self.words.last().map_or(Path::new("-"), PathBuf::as_path)
    }

    /// The port, if one stands for itself.
    fn port(&self) -> Result<Option<Cow<'_, str>>> {
        let word = match self.words.as_slice() {
            [port, _] => Some(port.to_string_lossy()),
            _ => None,
        };
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
            (word, flag) => Ok(word.or(flag.as_deref().map(Cow::from))),
        }
    }

    /// Whether standard input is sent.
    pub(crate) fn is_stdin(&self) -> bool {
        self.file().as_os_str() == "-"
    }

    /// What to send.
    fn input(&self) -> Result<Input> {
        if !self.is_stdin() {
            return Input::open(self.file()).map_err(|error| self.about_file(error));
        }
        closed::check_input()?;
        let stdin = io::stdin().as_fd().try_clone_to_owned();
        let stdin = stdin.map_err(|source| Error::os("read", "standard input", source))?;
        Ok(Input::from_fd(stdin, "standard input"))
    }

    /// What to send, where to, and how.
    pub(crate) fn config(&self) -> Result<SendConfig> {
        let destinations = self.destinations()?;
        // Options are those of one family, and so are the addresses where options are asked for.
        let families: Vec<_> = [Family::V4, Family::V6]
            .into_iter()
            .filter(|family| destinations.iter().any(|to| Family::of(*to) == *family))
            .map(|family| Ok((family, self.socket.settings(family)?)))
            .collect::<Result<_>>()?;
        let first = destinations.first().map(|to| Family::of(*to));
        let mut config = SendConfig::new(self.input()?, destinations);
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
        // Standard input has no name of its own.
        config.name = self.name.clone().or(self.is_stdin().then(String::new));
        config.max_datagram = self.max_datagram;
        config.timeout = self.timeout;
        config.choice = self.io;
        Ok(config)
    }

    /// The error; if what was taken for a file is a port, how to write that.
    fn about_file(&self, error: Error) -> Error {
        let file = self.file().to_string_lossy();
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

    fn destinations(&self) -> Result<Vec<SocketAddr>> {
        let port = self.port()?;
        let address = Address::with_port(Some(&self.host), port.as_deref())?;
        let port = address.destination_port(PORT)?;
        let host = address.host.unwrap_or("127.0.0.1");
        let resolved = self.family.resolve(host, port);
        resolved.map_err(|error| self.about_host(error))
    }
}

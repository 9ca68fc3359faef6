//! `udpraw options`.

use clap::{Args, ValueEnum};

use udpraw::socket::Family;

const EXAMPLES: &str = "\
Examples:
  udpraw options                          every option, on a new socket
  udpraw options --type udp6              the same for IPv6
  udpraw options SO_RCVBUF udp-segment    explain these two
  udpraw options --set SO_RCVBUF=64KiB    set a value and read it back
  udpraw options --set SO_REUSEADDR       a flag without a value is switched on
  udpraw --json options | jq -r .name     one object per line

Exit status: 0 success, 1 negative result (no option has that name), 2 error, such as a refused value.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct OptionsArguments {
    /// Explain these options; case does not matter, and the prefix may be omitted, as in rcvbuf
    #[arg(value_name = "NAME", conflicts_with = "set")]
    pub(crate) names: Vec<String>,

    /// Set an option on a new socket, and show the requested and the effective value; may be repeated,
    /// applied in order
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,

    /// Type of the socket
    #[arg(long = "type", value_name = "TYPE", default_value = "udp4")]
    pub(crate) socket: SocketType,

    #[command(flatten)]
    pub(crate) language: super::language::LanguageArguments,
}

/// The type of a socket.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SocketType {
    /// UDP over IPv4
    Udp4,
    /// UDP over IPv6
    Udp6,
}

impl From<SocketType> for Family {
    fn from(socket: SocketType) -> Self {
        match socket {
            SocketType::Udp4 => Self::V4,
            SocketType::Udp6 => Self::V6,
        }
    }
}

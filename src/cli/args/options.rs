//! `udpraw options`.

use clap::{Args, ValueEnum};

use udpraw::socket::Family;

const EXAMPLES: &str = "\
Examples:
  udpraw options                          every option, on a fresh socket
  udpraw options --type udp6              the same for IPv6
  udpraw options SO_RCVBUF udp-segment    all that is known of these two
  udpraw options --set SO_RCVBUF=64KiB    what the kernel makes of a value
  udpraw options --set SO_REUSEADDR       a flag alone is switched on
  udpraw --json options | jq -r .name     one object a line

Exit status: 0 success, 1 negative result (there is no option of that name), 2 error, such as a refused value.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct OptionsArguments {
    /// Tell all about these; case does not matter, and the prefix may be left out, as in rcvbuf
    #[arg(value_name = "NAME", conflicts_with = "set")]
    pub(crate) names: Vec<String>,

    /// Set it on a fresh socket, and show what was asked for beside what the kernel made of it; may
    /// be repeated, and is done in order
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,

    /// The socket that is made
    #[arg(long = "type", value_name = "TYPE", default_value = "udp4")]
    pub(crate) socket: SocketType,
}

/// Which socket is made.
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

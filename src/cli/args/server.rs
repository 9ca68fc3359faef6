//! `udpraw server`.

use clap::{Args, ValueEnum};
use udpraw::server::{Behaviour, Drop, Reply, Template};
use udpraw::units;

use super::endpoint::FamilyArguments;
use super::socket::SocketArguments;

const EXAMPLES: &str = "\
Examples:
  udpraw server                                    the documents' server, at 127.0.0.1:1060
  udpraw server --port 1080 --reply-text 'Your data was {bytes} bytes long.'
                                                   the older document's
  udpraw server --host 0.0.0.0 --port domain,ntp   two ports on every interface
  udpraw server --drop 50% --seed 1                every other datagram is lost, repeatably
  udpraw server --reuseaddr --rcvbuf 4MiB -v       socket options, requested and effective";

/// What the server is to do.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServerArguments {
    /// Address to bind: an IPv4 or IPv6 address, or a name
    #[arg(
        long,
        default_value = "127.0.0.1",
        env = "UDPRAW_HOST",
        hide_env_values = true
    )]
    pub(crate) host: String,

    #[command(flatten)]
    pub(crate) family: FamilyArguments,

    /// Port: a number, a service name, or 0 for one that the OS picks; several make one process
    /// serve them all
    #[arg(
        short,
        long,
        default_value = "1060",
        env = "UDPRAW_PORT",
        value_delimiter = ','
    )]
    port: Vec<String>,

    /// What to answer
    #[arg(long, value_enum, default_value_t = ReplyKind::Length)]
    reply: ReplyKind,

    /// Text to answer, where {bytes} stands for the datagram's length
    #[arg(long, value_name = "TEXT", conflicts_with = "reply")]
    reply_text: Option<Template>,

    /// Pretend to lose datagrams with this probability, as 0.5 or 50%
    #[arg(long, value_name = "PROBABILITY", value_parser = units::probability)]
    drop: Option<f64>,

    /// Make --drop repeatable: the same seed drops the same datagrams of a sequence
    #[arg(long, requires = "drop")]
    seed: Option<u64>,

    /// End after so many datagrams
    #[arg(short, long, value_name = "N")]
    count: Option<u64>,

    /// Leave out the line a datagram
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Show the fd, and each socket option as requested and as effective
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,

    #[command(flatten)]
    pub(crate) socket: SocketArguments,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReplyKind {
    /// "Your data was 38 bytes long"
    Length,
    /// The datagram itself
    Echo,
    /// Nothing
    None,
}

impl ServerArguments {
    /// The ports by number.
    pub(crate) fn ports(&self) -> Result<Vec<u16>, udpraw::error::Error> {
        self.port
            .iter()
            .map(|port| udpraw::services::resolve_port(port))
            .collect()
    }

    /// What the server does with a datagram.
    pub(crate) fn behaviour(&mut self) -> Behaviour {
        let reply = match (self.reply_text.take(), self.reply) {
            (Some(template), _) => Reply::Text(template),
            (None, ReplyKind::Length) => Reply::length(),
            (None, ReplyKind::Echo) => Reply::Echo,
            (None, ReplyKind::None) => Reply::Nothing,
        };
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(..));
        let drop = self.drop.map(|probability| Drop { probability, seed });
        Behaviour {
            reply,
            drop,
            count: self.count,
        }
    }
}

//! The socket options that every subcommand with a socket takes, by name or by flag.

use clap::Args;

use udpraw::error::{Error, Result};
use udpraw::socket::Family;
use udpraw::socket::options::{OptionValue, SocketOption};

/// Options that are set on the socket before it is bound, in the order of this struct.
///
/// Values stay text here: the catalogue knows what each means, and reports one that makes no sense.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Socket options")]
pub(crate) struct SocketArguments {
    /// Let other sockets bind the same port; the last one receives [SO_REUSEADDR, socket(7)]
    #[arg(long)]
    pub(crate) reuseaddr: bool,

    /// Share the port with other sockets, by flow [SO_REUSEPORT, socket(7)]
    #[arg(long)]
    pub(crate) reuseport: bool,

    /// Allow sending to broadcast addresses [SO_BROADCAST, socket(7)]
    #[arg(long)]
    pub(crate) broadcast: bool,

    /// Receive buffer, as in 4MiB; the kernel doubles it [SO_RCVBUF, socket(7)]
    #[arg(long, value_name = "SIZE")]
    pub(crate) rcvbuf: Option<String>,

    /// Send buffer, as in 4MiB; the kernel doubles it [SO_SNDBUF, socket(7)]
    #[arg(long, value_name = "SIZE")]
    pub(crate) sndbuf: Option<String>,

    /// Time to live: how many routers may forward a datagram [IP_TTL, ip(7); IPV6_UNICAST_HOPS, ipv6(7)]
    #[arg(long, value_name = "N")]
    pub(crate) ttl: Option<String>,

    /// TOS byte: 0 to 255, 0xb8, or a DSCP such as ef [IP_TOS, ip(7); IPV6_TCLASS, RFC 3542]
    #[arg(long, value_name = "TOS")]
    pub(crate) tos: Option<String>,

    /// Send and receive only through this interface [SO_BINDTODEVICE, socket(7)]
    #[arg(long, value_name = "INTERFACE")]
    pub(crate) bind_device: Option<String>,

    /// Join a multicast group, as in 239.1.2.3%eth0; may be repeated [IP_ADD_MEMBERSHIP, ip(7);
    /// IPV6_ADD_MEMBERSHIP, ipv6(7)]
    #[arg(long, value_name = "GROUP[%INTERFACE]")]
    pub(crate) join: Vec<String>,

    /// Set any option of the catalogue (`udpraw options` lists it); may be repeated
    #[arg(short = 'O', long = "option", value_name = "NAME=VALUE")]
    pub(crate) option: Vec<String>,
}

impl SocketArguments {
    /// The settings of the catalogue that were asked for, as a socket of `family` takes them.
    ///
    /// # Errors
    /// If a value makes no sense, or a group is of another family.
    pub(crate) fn settings(&self, family: Family) -> Result<Vec<OptionValue>> {
        let of_family = |v4, v6| match family {
            Family::V4 => v4,
            Family::V6 => v6,
        };
        let flags = [
            ("SO_REUSEADDR", self.reuseaddr),
            ("SO_REUSEPORT", self.reuseport),
            ("SO_BROADCAST", self.broadcast),
        ];
        let values = [
            ("SO_RCVBUF", &self.rcvbuf),
            ("SO_SNDBUF", &self.sndbuf),
            (of_family("IP_TTL", "IPV6_UNICAST_HOPS"), &self.ttl),
            (of_family("IP_TOS", "IPV6_TCLASS"), &self.tos),
            ("SO_BINDTODEVICE", &self.bind_device),
        ];
        let flags = flags
            .into_iter()
            .filter(|(_, on)| *on)
            .map(|(name, _)| setting(name, "on"));
        let values = values
            .into_iter()
            .filter_map(|(name, value)| Some(setting(name, value.as_deref()?)));
        let groups = self.join.iter().map(|group| membership(family, group));
        let others = self.option.iter().map(|text| text.parse());
        flags.chain(values).chain(groups).chain(others).collect()
    }
}

fn setting(name: &str, value: &str) -> Result<OptionValue> {
    let option = SocketOption::find(name)?;
    Ok(OptionValue::new(option, option.parse(value)?))
}

/// The membership option of the group's family. An IPv6 socket joins IPv4 groups as well.
fn membership(family: Family, group: &str) -> Result<OptionValue> {
    match (family, group.contains(':')) {
        (Family::V4, true) => {
            let subject = format!("group '{}'", group.escape_debug());
            Err(Error::invalid("join", subject, "the socket is an IPv4 one")
                .with_remedy("bind an IPv6 address, as in --host ::"))
        }
        (_, true) => setting("IPV6_ADD_MEMBERSHIP", group),
        (_, false) => setting("IP_ADD_MEMBERSHIP", group),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        socket: SocketArguments,
    }

    fn settings(line: &str, family: Family) -> Result<Vec<String>> {
        let words = std::iter::once("test").chain(line.split_whitespace());
        let settings = Line::parse_from(words).socket.settings(family)?;
        Ok(settings.iter().map(OptionValue::to_string).collect())
    }

    #[test]
    fn flags_become_the_options_of_the_family() {
        let line = "--reuseaddr --reuseport --broadcast --rcvbuf 4MiB --sndbuf 64k --ttl 9 --tos ef \
                    --bind-device lo --join 239.1.2.3%lo -O udp_gro -O SO_MARK=0x2a";
        let common = ["SO_REUSEADDR=on", "SO_REUSEPORT=on", "SO_BROADCAST=on"];
        let common = common
            .into_iter()
            .chain(["SO_RCVBUF=4194304", "SO_SNDBUF=64000"]);
        let last = [
            "SO_BINDTODEVICE=lo",
            "IP_ADD_MEMBERSHIP=239.1.2.3%lo",
            "UDP_GRO=on",
            "SO_MARK=42",
        ];
        for (family, own) in [
            (Family::V4, ["IP_TTL=9", "IP_TOS=184"]),
            (Family::V6, ["IPV6_UNICAST_HOPS=9", "IPV6_TCLASS=184"]),
        ] {
            let expected: Vec<_> = common.clone().chain(own).chain(last).collect();
            assert_eq!(settings(line, family).unwrap(), expected);
        }
        assert!(settings("", Family::V4).unwrap().is_empty());
    }

    #[test]
    fn groups_are_joined_in_their_own_family() {
        let both = "--join 239.1.2.3 --join ff15::1%lo";
        assert_eq!(
            settings(both, Family::V6).unwrap(),
            [
                "IP_ADD_MEMBERSHIP=239.1.2.3",
                "IPV6_ADD_MEMBERSHIP=ff15::1%lo"
            ]
        );
        let error = settings(both, Family::V4).unwrap_err().to_string();
        assert!(error.contains("the socket is an IPv4 one; bind"), "{error}");
    }

    #[test]
    fn values_without_sense_are_refused_by_the_option() {
        for (line, part) in [
            ("--rcvbuf 4x", "SO_RCVBUF to '4x': unknown unit 'x'"),
            ("--ttl 256", "IP_TTL to '256'"),
            ("--tos best", "af41"),
            ("--join eth0", "not an IP address"),
            ("-O SO_TYPE=1", "only be read"),
        ] {
            let error = settings(line, Family::V4).unwrap_err().to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}

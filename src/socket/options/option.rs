//! One option: what is known about it.

use super::kind::Kind;
use super::level::{Access, Level};
use crate::socket::Family;

/// One socket option, as the catalogue describes it.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketOption {
    /// Its name, as the man page or the kernel's header has it: `SO_RCVBUF`.
    pub name: &'static str,
    /// Other names of the same constant.
    pub aliases: &'static [&'static str],
    /// Its level.
    pub level: Level,
    /// The constant.
    pub number: i32,
    /// The type of its value.
    pub kind: Kind,
    /// Whether it can be read, set, or both.
    pub access: Access,
    /// Who may set it, if not everybody: the capability and when it is needed; otherwise empty.
    pub privilege: &'static str,
    /// The version of Linux that brought it.
    pub since: &'static str,
    /// What it does, in one line: a verb and its object (`keeps …`), what it tells (`how …`, `whether …`),
    /// or what it is (`the …`).
    pub meaning: &'static str,
    /// What surprises people.
    pub traps: &'static [&'static str],
    /// Where it is documented: a man page, or the kernel's own pages where none has it.
    pub man: &'static str,
    /// Payload bytes of each control message that it brings with a datagram; most bring none.
    pub control: &'static [usize],
}

impl SocketOption {
    /// An entry of the catalogue that can be read and set by everybody; the rest is added by name.
    pub(super) const fn new(
        level: Level,
        name: &'static str,
        number: i32,
        kind: Kind,
        since: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            aliases: &[],
            level,
            number,
            kind,
            access: Access::ReadWrite,
            privilege: "",
            since,
            meaning,
            traps: &[],
            man: match level {
                Level::Socket => "socket(7)",
                Level::Ip | Level::Group => "ip(7)",
                Level::Ipv6 => "ipv6(7)",
                Level::Udp => "udp(7)",
            },
            control: &[],
        }
    }

    pub(super) const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(super) const fn read_only(mut self) -> Self {
        self.access = Access::Read;
        self
    }

    pub(super) const fn write_only(mut self) -> Self {
        self.access = Access::Write;
        self
    }

    pub(super) const fn privilege(mut self, privilege: &'static str) -> Self {
        self.privilege = privilege;
        self
    }

    pub(super) const fn traps(mut self, traps: &'static [&'static str]) -> Self {
        self.traps = traps;
        self
    }

    pub(super) const fn man(mut self, man: &'static str) -> Self {
        self.man = man;
        self
    }

    pub(super) const fn control(mut self, control: &'static [usize]) -> Self {
        self.control = control;
        self
    }

    /// What it does, as a clause: `it keeps …`, `it says how …`, `it is the …`.
    pub fn clause(&self) -> String {
        let meaning = self.meaning;
        match meaning.split(' ').next().unwrap_or_default() {
            "how" | "where" | "whether" | "which" => format!("it says {meaning}"),
            "a" | "an" | "the" => format!("it is {meaning}"),
            _ => format!("it {meaning}"),
        }
    }

    /// What it does, in a language: [`Self::meaning`] is the English one.
    ///
    /// ```
    /// use udpraw::{language::Language, socket::options::SocketOption};
    /// let option = SocketOption::find("SO_BROADCAST")?;
    /// assert_eq!(option.meaning_in(Language::Chinese), "允许向广播地址发送");
    /// # Ok::<(), udpraw::error::Error>(())
    /// ```
    #[cfg(feature = "extras")]
    pub fn meaning_in(&self, language: crate::language::Language) -> &'static str {
        use crate::language::Language;
        match language {
            Language::English => self.meaning,
            Language::Chinese => super::chinese::meaning(self.name).unwrap_or(self.meaning),
        }
    }

    /// Whether a socket of that family answers to it. (An IPv6 socket answers to those of IPv4 too,
    /// for the datagrams of IPv4-mapped addresses.)
    pub fn is_for(&self, family: Family) -> bool {
        family == Family::V6 || self.level != Level::Ipv6
    }

    /// Which sockets answer to it, in words.
    pub fn families(&self) -> &'static str {
        match self.level {
            Level::Socket | Level::Udp | Level::Group => "IPv4 and IPv6",
            Level::Ip => "IPv4; on an IPv6 socket, its IPv4-mapped datagrams",
            Level::Ipv6 => "IPv6",
        }
    }

    /// Whether it can be set from text, as `-o` and [`OptionValue`](super::OptionValue) do.
    pub fn is_settable(&self) -> bool {
        self.access != Access::Read && self.kind.is_text()
    }

    /// Whether it has a value that can be read and shown.
    pub fn is_readable(&self) -> bool {
        self.access != Access::Write && self.kind != Kind::Structure
    }
}

//! The types of values that are sums of flags.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// A newtype of the system call's `int`, with a constant for each flag.
macro_rules! flags {
    ($(#[$doc:meta])+ $type:ident { $($(#[$flag_doc:meta])+ $flag:ident = $bit:expr;)+ }) => {
        $(#[$doc])+
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $type(i32);

        impl $type {
            $(
                $(#[$flag_doc])+
                pub const $flag: Self = Self($bit);
            )+

            /// The flags of the system call's number, those without a name here among them.
            pub const fn from_bits(bits: i32) -> Self {
                Self(bits)
            }

            /// The number at the system call.
            pub const fn bits(self) -> i32 {
                self.0
            }

            /// Whether all of these flags are set.
            pub const fn contains(self, flags: Self) -> bool {
                self.0 & flags.0 == flags.0
            }

            /// Whether no flag is set.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }
        }

        impl BitOr for $type {
            type Output = Self;

            fn bitor(self, flags: Self) -> Self {
                Self(self.0 | flags.0)
            }
        }

        impl BitOrAssign for $type {
            fn bitor_assign(&mut self, flags: Self) {
                self.0 |= flags.0;
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let flags = [$((stringify!($flag), $bit)),+];
                debug(f, stringify!($type), self.0, &flags)
            }
        }
    };
}

/// The names of the flags that are set, and what has none in hexadecimal:
/// `Timestamping(RX_SOFTWARE | SOFTWARE | 0x80000)`.
fn debug(
    f: &mut fmt::Formatter<'_>,
    type_name: &str,
    bits: i32,
    flags: &[(&str, i32)],
) -> fmt::Result {
    let is_set = |(_, bit): &&(&str, i32)| bits & bit == *bit;
    let mut rest = bits;
    let mut separator = "";
    write!(f, "{type_name}(")?;
    for (name, bit) in flags.iter().filter(is_set) {
        write!(f, "{separator}{name}")?;
        separator = " | ";
        rest &= !bit;
    }
    if rest != 0 || bits == 0 {
        write!(f, "{separator}{rest:#x}")?;
    }
    f.write_str(")")
}

flags! {
    /// What is timestamped, by which clock, and how it is reported (`SOF_TIMESTAMPING_*`,
    /// docs.kernel.org/networking/timestamping). To receive timestamps, one bit to take them and one to
    /// report them are needed, such as `RX_SOFTWARE | SOFTWARE`.
    Timestamping {
        /// Takes the time of sending by the interface's clock.
        TX_HARDWARE = 1 << 0;
        /// Takes the time of sending by the kernel's clock, when the driver gets the datagram.
        TX_SOFTWARE = 1 << 1;
        /// Takes the time of receiving by the interface's clock.
        RX_HARDWARE = 1 << 2;
        /// Takes the time of receiving by the kernel's clock.
        RX_SOFTWARE = 1 << 3;
        /// Reports the kernel's times.
        SOFTWARE = 1 << 4;
        /// Ignored by the kernel: it once converted the interface's times.
        SYS_HARDWARE = 1 << 5;
        /// Reports the interface's times.
        RAW_HARDWARE = 1 << 6;
        /// Numbers datagrams, and reports the number with the time of sending.
        OPT_ID = 1 << 7;
        /// Takes the time when the datagram enters the packet scheduler.
        TX_SCHED = 1 << 8;
        /// Takes the time when all data of a stream was acknowledged.
        TX_ACK = 1 << 9;
        /// Brings control messages such as `IP_PKTINFO` with the time of sending.
        OPT_CMSG = 1 << 10;
        /// Reports the time of sending without the datagram.
        OPT_TSONLY = 1 << 11;
        /// Reports statistics of a stream with the time of sending.
        OPT_STATS = 1 << 12;
        /// Reports the interface and length of datagrams with the interface's times.
        OPT_PKTINFO = 1 << 13;
        /// Reports both the kernel's and the interface's time of sending.
        OPT_TX_SWHW = 1 << 14;
        /// Binds the socket to a PTP clock; setting it takes a structure, and fails here.
        BIND_PHC = 1 << 15;
        /// Counts `OPT_ID` from the call that set it, on a stream.
        OPT_ID_TCP = 1 << 16;
        /// Leaves out times of receiving that another socket asked for.
        OPT_RX_FILTER = 1 << 17;
        /// Takes the time when the interface reports the datagram as sent.
        TX_COMPLETION = 1 << 18;
    }
}

flags! {
    /// Buffers whose size the kernel leaves alone (`SO_BUF_LOCK`, `linux/socket.h`).
    BufferLock {
        /// The send buffer.
        SEND = 1;
        /// The receive buffer.
        RECEIVE = 2;
    }
}

flags! {
    /// Which of the machine's addresses are preferred as source (`IPV6_ADDR_PREFERENCES`, RFC 5014).
    AddressPreferences {
        /// Temporary addresses.
        TMP = 0x0001;
        /// Public addresses.
        PUBLIC = 0x0002;
        /// Care-of addresses of a mobile host.
        COA = 0x0004;
        /// Cryptographically generated addresses.
        CGA = 0x0008;
        /// Public or temporary addresses, as the system is configured.
        PUBTMP_DEFAULT = 0x0100;
        /// Home addresses of a mobile host.
        HOME = 0x0400;
        /// Addresses that are not cryptographically generated.
        NONCGA = 0x0800;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_add_up_and_show_their_names() {
        let flags = Timestamping::RX_SOFTWARE | Timestamping::SOFTWARE;
        assert_eq!(flags.bits(), 0b11000);
        assert_eq!(format!("{flags:?}"), "Timestamping(RX_SOFTWARE | SOFTWARE)");
        assert!(flags.contains(Timestamping::SOFTWARE) && flags.contains(Timestamping::default()));
        assert!(!flags.contains(Timestamping::SOFTWARE | Timestamping::OPT_ID));
        assert!(!flags.is_empty() && BufferLock::default().is_empty());

        let mut lock = BufferLock::SEND;
        lock |= BufferLock::from_bits(1 << 8);
        assert_eq!(format!("{lock:?}"), "BufferLock(SEND | 0x100)");
        assert_eq!(
            format!("{:?}", AddressPreferences::default()),
            "AddressPreferences(0x0)"
        );
        let all = AddressPreferences::from_bits(-1);
        assert!(
            format!("{all:?}").ends_with("HOME | NONCGA | 0xfffff2f0)"),
            "{all:?}"
        );
    }
}

//! One option at a time: by type, by text, and by libc's numbers.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use udpraw::error::Error;
use udpraw::socket::option::{
    AddressPreferences, BufferLock, Encapsulation, Interface, OptionType, PathMtuDiscovery,
    ReadOnly, Settable, Timestamping, TransmitTime, TypedOption, WriteOnly,
};
use udpraw::socket::options::{Access, OptionValue, SocketOption};
use udpraw::socket::{Endpoint, Family};

fn endpoint(family: Family) -> Endpoint {
    Endpoint::builder().unbound(family).unwrap()
}

/// What a type is as the `int` of the system call; `None` for structures and other byte orders.
pub(super) trait AsInt {
    fn as_int(&self) -> Option<i32>;
}

macro_rules! as_int {
    ($($type:ty: $closure:expr),+ $(,)?) => {$(
        impl AsInt for $type {
            fn as_int(&self) -> Option<i32> {
                let closure: fn(&Self) -> Option<i32> = $closure;
                closure(self)
            }
        }
    )+};
}

as_int!(
    bool: |on| Some((*on).into()),
    u8: |number| Some((*number).into()),
    u16: |number| Some((*number).into()),
    u32: |number| Some(number.cast_signed()),
    i32: |number| Some(*number),
    usize: |number| i32::try_from(*number).ok(),
    PathMtuDiscovery: |mode| Some(*mode as i32),
    Encapsulation: |protocol| Some(*protocol as i32),
    BufferLock: |bits| Some(bits.bits()),
    Timestamping: |bits| Some(bits.bits()),
    AddressPreferences: |bits| Some(bits.bits()),
    u64: |_| None,
    Duration: |_| None,
    Option<u32>: |_| None,
    String: |_| None,
    Interface: |_| None,
    RangeInclusive<u16>: |_| None,
    TransmitTime: |_| None,
    Vec<u8>: |_| None,
    Family: |_| None,
);

/// Level and number by libc.
pub(super) type Foreign = (i32, i32);

/// Reads an `int` without the crate: getsockopt(2) by libc's numbers.
fn read_int(endpoint: &Endpoint, (level, number): Foreign) -> i32 {
    let mut int: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: getsockopt(2) demands optlen writable bytes at optval: an int has as many.
    let result = unsafe {
        libc::getsockopt(
            endpoint.as_raw_fd(),
            level,
            number,
            (&raw mut int).cast(),
            &raw mut length,
        )
    };
    assert_eq!(
        (result, length),
        (0, 4),
        "{}",
        std::io::Error::last_os_error()
    );
    int
}

pub(super) struct Case {
    pub(super) option: &'static SocketOption,
    pub(super) access: Access,
    pub(super) check: Box<dyn Fn(Family)>,
}

fn errno<T: Debug>(result: &Result<T, Error>) -> Option<i32> {
    result
        .as_ref()
        .err()
        .map(|error| error.errno().unwrap_or(-1))
}

/// Sets it by type on one socket and by text on another: both succeed, or fail with one errno.
fn set_both<T: OptionType + Clone + Debug, A: Settable>(
    option: TypedOption<T, A>,
    value: &T,
    text: &str,
    family: Family,
) -> Option<(Endpoint, Endpoint)> {
    let name = option.option().name;
    let by_text: OptionValue = format!("{name}={text}").parse().unwrap();
    assert_eq!(option.with_value(value.clone()), by_text);
    let (mut typed, mut textual) = (endpoint(family), endpoint(family));
    let result = typed.set(option, value.clone());
    assert_eq!(
        errno(&result),
        errno(&textual.apply(&by_text)),
        "{family} {name}: {result:?}"
    );
    result.is_ok().then_some((typed, textual))
}

pub(super) fn both<T>(
    option: TypedOption<T>,
    value: T,
    text: &str,
    foreign: Option<Foreign>,
) -> Case
where
    T: OptionType + AsInt + Clone + PartialEq + Debug + 'static,
{
    let (entry, text) = (option.option(), text.to_owned());
    let check = move |family| {
        let name = entry.name;
        let Some((typed, textual)) = set_both(option, &value, &text, family) else {
            return;
        };
        let read = typed.get(option);
        assert_eq!(errno(&read), errno(&textual.get(option)), "{family} {name}");
        assert_eq!(errno(&read), errno(&entry.get(typed.as_fd())));
        let Ok(read) = read else { return };
        assert_eq!(read, textual.get(option).unwrap(), "{family} {name}");
        let value = entry.get(typed.as_fd()).unwrap();
        let catalogue = OptionValue::new(entry, value);
        assert_eq!(option.with_value(read.clone()), catalogue, "{family}");
        if let (Some(foreign), Some(int)) = (foreign, read.as_int()) {
            assert_eq!(read_int(&typed, foreign), int, "{family} {name}");
        }
    };
    Case {
        option: entry,
        access: Access::ReadWrite,
        check: Box::new(check),
    }
}

pub(super) fn write<T>(option: TypedOption<T, WriteOnly>, value: T, text: &str) -> Case
where
    T: OptionType + Clone + Debug + 'static,
{
    let text = text.to_owned();
    let check = move |family| {
        set_both(option, &value, &text, family);
    };
    Case {
        option: option.option(),
        access: Access::Write,
        check: Box::new(check),
    }
}

pub(super) fn read<T>(option: TypedOption<T, ReadOnly>, text: fn(T) -> String) -> Case
where
    T: OptionType + Debug + 'static,
{
    let entry = option.option();
    let check = move |family| {
        let peer = endpoint(family);
        peer.connect(SocketAddr::new(family.loopback(), 7)).unwrap();
        for endpoint in [endpoint(family), peer] {
            let (typed, catalogue) = (endpoint.get(option), entry.get(endpoint.as_fd()));
            assert_eq!(errno(&typed), errno(&catalogue), "{family} {typed:?}");
            if let (Ok(typed), Ok(catalogue)) = (typed, catalogue) {
                assert_eq!(
                    text(typed),
                    catalogue.to_string(),
                    "{family} {}",
                    entry.name
                );
            }
        }
    };
    Case {
        option: entry,
        access: Access::Read,
        check: Box::new(check),
    }
}

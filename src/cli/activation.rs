//! What a service manager hands a server: sockets that are bound already (sd_listen_fds(3)), and a
//! place to say that it is ready (sd_notify(3)).

use std::env;
use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixDatagram};

use listenfd::ListenFd;
use socket2::{Protocol, SockRef};

use udpraw::error::{Error, Result};

/// No service manager passes more.
const MOST: usize = 1024;
/// The first file descriptor that is passed (SD_LISTEN_FDS_START).
const FIRST: usize = 3;

/// A bound UDP socket that was passed, and where it is bound.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) fd: OwnedFd,
    pub(crate) address: SocketAddr,
}

/// The sockets that were passed, one for each of `ports`; `None` if there are none, so that the command
/// binds its own. Called once, before there is another thread: the variables are taken out of the
/// environment, so that no child uses them.
///
/// # Errors
/// If something was passed that is no bound UDP socket, or more or fewer than `ports`.
pub(crate) fn sockets(ports: usize) -> Result<Option<Vec<Passed>>> {
    let Some(text) = env::var_os("LISTEN_FDS") else {
        return Ok(None);
    };
    let is_ours = env::var("LISTEN_PID").is_ok_and(|pid| pid == std::process::id().to_string());
    if !is_ours {
        // Passed to a parent, which forgot to take the variables away.
        return Ok(None);
    }
    let number = text.to_str().and_then(|text| text.parse::<usize>().ok());
    let number = number.filter(|number| *number <= MOST).ok_or_else(|| {
        let subject = format!("LISTEN_FDS '{}'", text.to_string_lossy().escape_debug());
        Error::invalid(
            "use",
            subject,
            format!("it is not a number from 0 to {MOST}"),
        )
    })?;
    if number == 0 {
        return Ok(None);
    }
    if number != ports {
        let subject = format!("the {number} sockets of LISTEN_FDS");
        let reason = format!("the command line is for {ports}");
        return Err(
            Error::invalid("use", subject, reason).with_remedy("pass one socket for each port")
        );
    }
    let mut passed = ListenFd::from_env();
    let taken = (0..number).map(|index| take(&mut passed, index));
    taken.collect::<Result<_>>().map(Some)
}

/// The one socket of a command that has one.
///
/// # Errors
/// As of [`sockets`].
pub(crate) fn socket() -> Result<Option<Passed>> {
    Ok(sockets(1)?.and_then(|mut sockets| sockets.pop()))
}

fn take(passed: &mut ListenFd, index: usize) -> Result<Passed> {
    let subject = format!("file descriptor {} of LISTEN_FDS", index + FIRST);
    let bad = |reason: &str| {
        Error::invalid("use", &subject, reason)
            .with_remedy("pass bound UDP sockets only (ListenDatagram= of systemd.socket(5))")
    };
    let failed = |source| Error::os("use", &subject, source);
    let socket = match passed.take_udp_socket(index) {
        Ok(Some(socket)) => socket,
        _ if passed.take_tcp_listener(index).is_ok() => return Err(bad("it is a TCP socket")),
        _ if passed.take_unix_datagram(index).is_ok()
            || passed.take_unix_listener(index).is_ok() =>
        {
            return Err(bad("it is a Unix socket"));
        }
        _ => return Err(bad("it is not a UDP socket")),
    };
    // A ping socket is one for datagrams, too.
    let protocol = SockRef::from(&socket).protocol().map_err(failed)?;
    if protocol != Some(Protocol::UDP) {
        return Err(bad("it is not a UDP socket"));
    }
    let address = socket.local_addr().map_err(failed)?;
    if address.port() == 0 {
        return Err(bad("it is not bound"));
    }
    socket.set_nonblocking(false).map_err(failed)?;
    Ok(Passed {
        fd: socket.into(),
        address,
    })
}

/// Tells the service manager, if there is one that asked, that datagrams can come. That it does not
/// listen is nobody's concern, as sd_notify(3) advises; nor is it waited for.
pub(crate) fn ready() {
    if let Some(place) = env::var_os("NOTIFY_SOCKET") {
        let _ = notify(&place);
    }
}

fn notify(place: &OsStr) -> io::Result<()> {
    let address = match place.as_bytes() {
        [b'@', name @ ..] => UnixAddress::from_abstract_name(name)?,
        _ => UnixAddress::from_pathname(place)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to_addr(b"READY=1\n", &address)?;
    Ok(())
}

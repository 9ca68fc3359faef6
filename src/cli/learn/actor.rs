//! The programs of the lessons: `udpraw learn act` reads one step per line from standard input, makes
//! the system call that the step names, and answers with one line: `ok` and values, or `err` and an errno.
//!
//! So a lesson decides the order of the calls of several processes, and each call is a real one.

use std::io::{self, BufRead, Read, Write};
use std::net::{SocketAddrV4, TcpListener};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::socket::{self as sys, AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn};
use nix::unistd::alarm;

use udpraw::socket::options::{OptionValue, SocketOption};

/// The lifetime of an actor in seconds: a lesson that was killed leaves none behind.
const LIFETIME: u32 = 30;

/// The longest step.
const LONGEST: u64 = 4096;

/// How many received bytes an answer repeats.
const REPEATED: usize = 64;

/// What a step returns: the words after `ok`.
type Done = Result<String, Errno>;

/// The sockets of an actor. A step acts on the current one.
#[derive(Default)]
struct Actor {
    sockets: Vec<Option<OwnedFd>>,
    current: usize,
    /// The bytes that arrived last.
    last: Vec<u8>,
}

/// Plays the steps to the end of the input.
pub(crate) fn play(input: impl Read, mut output: impl Write) -> io::Result<()> {
    // It ends with the process that started it, and at the latest after its lifetime.
    let _ = set_pdeathsig(Signal::SIGKILL);
    alarm::set(LIFETIME);
    let mut actor = Actor::default();
    let mut lines = io::BufReader::new(input).take(LONGEST);
    let mut step = String::new();
    loop {
        step.clear();
        lines.set_limit(LONGEST);
        if lines.read_line(&mut step)? == 0 {
            // The lesson shows only the calls that it asked for: the kernel closes the sockets.
            std::mem::forget(actor);
            return Ok(());
        }
        let answer = match actor.act(step.trim_end_matches('\n')) {
            Ok(values) => format!("ok {values}\n"),
            Err(errno) => format!("err {}\n", errno as i32),
        };
        output.write_all(answer.as_bytes())?;
        output.flush()?;
    }
}

impl Actor {
    fn act(&mut self, step: &str) -> Done {
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        match verb {
            "socket" => self.socket(rest),
            "use" => self.select(rest),
            "close" => {
                let socket = self.sockets.get_mut(self.current).and_then(Option::take);
                socket.map(|_| String::new()).ok_or(Errno::EBADF)
            }
            "bind" => {
                sys::bind(self.fd()?.as_raw_fd(), &address(rest)?)?;
                Ok(String::new())
            }
            "connect" => {
                sys::connect(self.fd()?.as_raw_fd(), &address(rest)?)?;
                Ok(String::new())
            }
            "name" => {
                let name: SockaddrIn = sys::getsockname(self.fd()?.as_raw_fd())?;
                Ok(name.to_string())
            }
            "listen" => {
                sys::listen(self.fd()?, sys::Backlog::MAXCONN)?;
                Ok(String::new())
            }
            "accept" => self.accept(),
            "send" => {
                let (to, text) = rest.split_once(' ').unwrap_or((rest, ""));
                self.send(Some(to), text.as_bytes())
            }
            "sendhex" => {
                let (to, hex) = rest.split_once(' ').unwrap_or((rest, ""));
                self.send(Some(to), &unhex(hex).ok_or(Errno::EINVAL)?)
            }
            "fill" => {
                let (to, length) = rest.split_once(' ').unwrap_or((rest, ""));
                let length = length.parse().map_err(|_| Errno::EINVAL)?;
                self.send(Some(to), &vec![b'x'; usize::min(length, 1 << 17)])
            }
            "write" => self.send(None, rest.as_bytes()),
            "recv" => self.receive(rest),
            "wait" => self.wait(rest),
            "decode" => self.decode(),
            "set" => self.set(rest),
            "get" => self.get(rest),
            "isolate" => isolate(rest).map(|()| String::new()),
            "fragments" => fragments().ok_or(Errno::ENOENT),
            _ => Err(Errno::EINVAL),
        }
    }

    fn fd(&self) -> Result<&OwnedFd, Errno> {
        let socket = self.sockets.get(self.current);
        socket.and_then(Option::as_ref).ok_or(Errno::EBADF)
    }

    /// Creates a socket, which is the current one from now on.
    fn socket(&mut self, kind: &str) -> Done {
        let (family, kind) = match kind {
            "" | "udp" => (AddressFamily::Inet, SockType::Datagram),
            "tcp" => (AddressFamily::Inet, SockType::Stream),
            _ => return Err(Errno::EINVAL),
        };
        let socket = sys::socket(family, kind, SockFlag::SOCK_CLOEXEC, None)?;
        Ok(self.keep(socket))
    }

    fn keep(&mut self, socket: OwnedFd) -> String {
        let number = socket.as_raw_fd();
        let free = self.sockets.iter().position(Option::is_none);
        self.current = free.unwrap_or(self.sockets.len());
        match self.sockets.get_mut(self.current) {
            Some(place) => *place = Some(socket),
            None => self.sockets.push(Some(socket)),
        }
        number.to_string()
    }

    /// Chooses the current socket, by its place in the order of creation.
    fn select(&mut self, place: &str) -> Done {
        self.current = place.parse().map_err(|_| Errno::EINVAL)?;
        self.fd().map(|_| String::new())
    }

    fn accept(&mut self) -> Done {
        let place = self.sockets.get_mut(self.current).ok_or(Errno::EBADF)?;
        let listener = TcpListener::from(place.take().ok_or(Errno::EBADF)?);
        let accepted = listener.accept();
        *place = Some(listener.into());
        let (stream, _) = accepted.map_err(errno)?;
        Ok(self.keep(stream.into()))
    }

    fn send(&self, to: Option<&str>, bytes: &[u8]) -> Done {
        let fd = self.fd()?.as_raw_fd();
        let sent = match to {
            Some(to) => sys::sendto(fd, bytes, &address(to)?, MsgFlags::empty())?,
            None => sys::send(fd, bytes, MsgFlags::MSG_NOSIGNAL)?,
        };
        Ok(sent.to_string())
    }

    /// Answers with the length, the sender (`-` without one) and the first bytes in hexadecimal.
    fn receive(&mut self, room: &str) -> Done {
        let room = room.parse().unwrap_or(65_535).min(1 << 20);
        let mut buffer = vec![0; room];
        let (length, from) = sys::recvfrom::<SockaddrIn>(self.fd()?.as_raw_fd(), &mut buffer)?;
        buffer.truncate(length);
        let from = from.map(|from| from.to_string());
        let start: String = buffer.iter().take(REPEATED).map(hex).collect();
        self.last = buffer;
        Ok(format!(
            "{length} {} {start}",
            from.as_deref().unwrap_or("-")
        ))
    }

    /// Waits that many milliseconds for something to receive: `1`, or `0` at a timeout.
    fn wait(&self, limit: &str) -> Done {
        let limit: u16 = limit.parse().map_err(|_| Errno::EINVAL)?;
        let mut polled = [PollFd::new(self.fd()?.as_fd(), PollFlags::POLLIN)];
        Ok(poll(&mut polled, PollTimeout::from(limit))?.to_string())
    }

    /// Decodes what arrived last as ASCII, as the textbook's server does: a byte above 127 ends the
    /// program, like an exception that nobody catches.
    fn decode(&self) -> Done {
        match self.last.iter().position(|byte| !byte.is_ascii()) {
            Some(_) => std::process::exit(1),
            None => Ok(self.last.len().to_string()),
        }
    }

    fn set(&self, setting: &str) -> Done {
        let setting: OptionValue = setting.parse().map_err(|_| Errno::EINVAL)?;
        match setting.apply(self.fd()?.as_fd()) {
            Ok(()) => Ok(String::new()),
            Err(error) => Err(Errno::from_raw(error.errno().unwrap_or(libc::EINVAL))),
        }
    }

    fn get(&self, name: &str) -> Done {
        let option = SocketOption::find(name).map_err(|_| Errno::ENOPROTOOPT)?;
        match option.get(self.fd()?.as_fd()) {
            Ok(value) => Ok(value.to_string()),
            Err(error) => Err(Errno::from_raw(error.errno().unwrap_or(libc::EINVAL))),
        }
    }
}

/// Moves to a network namespace of its own, whose loopback interface has that MTU.
fn isolate(mtu: &str) -> Result<(), Errno> {
    let mtu: u32 = mtu.parse().map_err(|_| Errno::EINVAL)?;
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
    let kernel = sys::socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        sys::SockProtocol::NetlinkRoute,
    )?;
    sys::send(kernel.as_raw_fd(), &set_link(mtu), MsgFlags::empty())?;
    let mut reply = [0; 256];
    let length = sys::recv(kernel.as_raw_fd(), &mut reply, MsgFlags::empty())?;
    // struct nlmsgerr behind struct nlmsghdr: 0, or a negative errno (netlink(7)).
    let error = reply.get(16..20).filter(|_| length >= 20);
    let error = error.and_then(|bytes| bytes.try_into().ok());
    match error.map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(errno) => Err(Errno::from_raw(-errno)),
        None => Err(Errno::EIO),
    }
}

/// The message of rtnetlink(7) that switches the loopback interface on and gives it that MTU.
fn set_link(mtu: u32) -> Vec<u8> {
    const LOOPBACK: i32 = 1;
    let length = 16 + 16 + 8_u32;
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
    let up = (libc::IFF_UP as u32).to_ne_bytes();
    [
        // struct nlmsghdr
        length.to_ne_bytes().as_slice(),
        &libc::RTM_NEWLINK.to_ne_bytes(),
        &flags.to_ne_bytes(),
        &1_u32.to_ne_bytes(),
        &0_u32.to_ne_bytes(),
        // struct ifinfomsg
        &[0; 4],
        &LOOPBACK.to_ne_bytes(),
        &up,
        &up,
        // struct rtattr
        &8_u16.to_ne_bytes(),
        &libc::IFLA_MTU.to_ne_bytes(),
        &mtu.to_ne_bytes(),
    ]
    .concat()
}

/// How many fragments this network namespace has created (proc_net(5), snmp: Ip FragCreates).
fn fragments() -> Option<String> {
    let text = std::fs::read_to_string("/proc/self/net/snmp").ok()?;
    let mut lines = text.lines().filter(|line| line.starts_with("Ip:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let place = names.split(' ').position(|name| name == "FragCreates")?;
    values.split(' ').nth(place).map(str::to_owned)
}

/// An address in text. Its port is cut to 16 bits, as a C program cuts it that assigns it to `sin_port`.
fn address(text: &str) -> Result<SockaddrIn, Errno> {
    let (host, port) = text.rsplit_once(':').ok_or(Errno::EINVAL)?;
    let port: u32 = port.parse().map_err(|_| Errno::EINVAL)?;
    let port = (port & 0xffff) as u16;
    let ip = host.parse().map_err(|_| Errno::EINVAL)?;
    Ok(SockaddrIn::from(SocketAddrV4::new(ip, port)))
}

fn errno(error: io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

fn hex(byte: &u8) -> String {
    format!("{byte:02x}")
}

/// The bytes that a text in hexadecimal stands for.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
        .collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

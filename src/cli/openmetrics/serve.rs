//! Serves the page to scrapers: one thread, a bounded number of connections, each with a bounded buffer
//! and a bounded time. Nothing that a client does or leaves undone holds up the others for longer than
//! [`YOUNG`].

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;
use socket2::SockRef;

use super::Page;
use super::http::{self, Format, LONGEST_REQUEST, Refusal};
use super::page::registry;

/// The most connections at once. For a further one, the oldest is closed.
const CONNECTIONS: usize = 32;
/// A connection that is younger is not closed for another: its request may be on the way. Meanwhile
/// further ones wait in the kernel's queue.
const YOUNG: Duration = Duration::from_millis(20);
/// The time for a request, and again for its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The time for the end of the client's bytes once it was answered: to close with bytes unread would
/// reset the connection, and the client might lose the answer (RFC 9112, section 9.6).
const LINGER: Duration = Duration::from_millis(500);
/// So many bytes are read meanwhile.
const LINGER_BYTES: usize = 1 << 16;
/// The send buffer of a connection, in bytes; the kernel doubles it.
const SEND_BUFFER: usize = 32 << 10;
/// A page is made for all who ask within this time.
const FRESH: Duration = Duration::from_millis(100);
/// The pause after an error of accept(2), such as EMFILE.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves the metrics of a command.
pub(super) struct Exporter {
    listener: TcpListener,
    pages: Pages,
    /// The oldest first.
    connections: Vec<Connection>,
}

impl Exporter {
    pub(super) fn new(
        listener: TcpListener,
        collect: impl Fn(&mut Page<'_>) -> fmt::Result + Send + Sync + 'static,
    ) -> Self {
        Self {
            listener,
            pages: Pages {
                registry: registry(collect),
                made: [const { None }; 2],
            },
            connections: Vec::with_capacity(CONNECTIONS),
        }
    }

    /// Serves until the process ends.
    pub(super) fn run(mut self) {
        loop {
            if self.turn().is_err() {
                // No memory for poll(2): later, there may be some.
                thread::sleep(PAUSE);
            }
        }
    }

    /// Waits for something to do, and does it.
    fn turn(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let is_full = self.connections.len() >= CONNECTIONS;
        let replaceable = self.connections.first().map(|oldest| oldest.began + YOUNG);
        let accepts_at = replaceable.filter(|at| is_full && *at > now);
        let deadlines = self.connections.iter().map(|connection| connection.until);
        let until = deadlines.chain(accepts_at).min();
        let timeout = until.map_or(PollTimeout::NONE, |until| {
            // Rounded up, so that it is over then.
            let left = until.saturating_duration_since(now).as_millis() + 1;
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        });
        let listened = match accepts_at {
            Some(_) => PollFlags::empty(),
            None => PollFlags::POLLIN,
        };
        let mut polled = vec![PollFd::new(self.listener.as_fd(), listened)];
        for connection in &self.connections {
            let stream = connection.stream.as_fd();
            polled.push(PollFd::new(stream, connection.state.awaits()));
        }
        poll(&mut polled, timeout)?;
        let is_ready: Vec<_> = polled
            .iter()
            .map(|polled| polled.any().unwrap_or(true))
            .collect();
        drop(polled);
        let now = Instant::now();
        let (pages, mut ready) = (&mut self.pages, is_ready.iter().skip(1));
        self.connections.retain_mut(|connection| {
            let is_ready = ready.next().is_some_and(|ready| *ready);
            let goes_on = !is_ready || connection.step(pages);
            goes_on && now < connection.until
        });
        if is_ready.first().is_some_and(|ready| *ready) {
            self.accept();
        }
        Ok(())
    }

    /// Takes one connection, and what has arrived on it.
    fn accept(&mut self) {
        let stream = match self.listener.accept() {
            Ok((stream, _)) => stream,
            // The client may have left meanwhile.
            Err(error) if is_later(&error) || error.kind() == ErrorKind::ConnectionAborted => {
                return;
            }
            Err(_) => {
                // Also for want of descriptors, which the connections hold.
                self.connections.clear();
                return thread::sleep(PAUSE);
            }
        };
        if stream.set_nonblocking(true).is_err() {
            return;
        }
        // What the kernel holds for a client that does not read is bounded, too.
        let _ = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
        let mut connection = Connection::new(stream);
        if connection.step(&mut self.pages) {
            if self.connections.len() >= CONNECTIONS {
                self.connections.remove(0);
            }
            self.connections.push(connection);
        }
    }
}

/// The pages that were made last, one for each format.
struct Pages {
    registry: Registry,
    made: [Option<(Instant, Arc<str>)>; 2],
}

impl Pages {
    /// A page, made now or a moment ago.
    fn page(&mut self, format: Format) -> Result<Arc<str>, fmt::Error> {
        let made = &mut self.made[format as usize];
        if let Some((at, page)) = made
            && at.elapsed() < FRESH
        {
            return Ok(page.clone());
        }
        let mut page = String::new();
        match format {
            Format::OpenMetrics => text::encode(&mut page, &self.registry)?,
            Format::Prometheus => prometheus_text::encode(&mut page, &self.registry)?,
        }
        let page: Arc<str> = page.into();
        *made = Some((Instant::now(), page.clone()));
        Ok(page)
    }
}

/// A client.
struct Connection {
    stream: TcpStream,
    began: Instant,
    /// When it is closed.
    until: Instant,
    state: State,
}

/// How far a connection is.
enum State {
    /// The request, as far as it has arrived.
    Reads(Vec<u8>),
    /// The answer, and how much of it was sent.
    Writes {
        head: String,
        body: Arc<str>,
        sent: usize,
    },
    /// The answer is sent; the client may still send this many bytes.
    Lingers(usize),
}

impl State {
    fn awaits(&self) -> PollFlags {
        match self {
            Self::Reads(_) | Self::Lingers(_) => PollFlags::POLLIN,
            Self::Writes { .. } => PollFlags::POLLOUT,
        }
    }
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        let began = Instant::now();
        Self {
            stream,
            began,
            until: began + PATIENCE,
            state: State::Reads(Vec::new()),
        }
    }

    /// Does what can be done now: whether there is more to do.
    fn step(&mut self, pages: &mut Pages) -> bool {
        loop {
            let done = match &mut self.state {
                State::Reads(request) => read(&mut self.stream, request, pages),
                State::Writes { head, body, sent } => write(&mut self.stream, head, body, sent),
                State::Lingers(left) => linger(&mut self.stream, left),
            };
            match done {
                Ok(Some(next)) => {
                    let time = match next {
                        State::Lingers(_) => LINGER,
                        _ => PATIENCE,
                    };
                    (self.state, self.until) = (next, Instant::now() + time);
                }
                Ok(None) => return false,
                Err(error) => return is_later(&error),
            }
        }
    }
}

/// Whether it is no error, only too early.
fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Reads until there is a request: the answer to it. `None` if the client left before.
fn read(
    stream: &mut TcpStream,
    request: &mut Vec<u8>,
    pages: &mut Pages,
) -> io::Result<Option<State>> {
    let mut buffer = [0; 1024];
    loop {
        let room = buffer.len().min(LONGEST_REQUEST - request.len());
        let length = stream.read(&mut buffer[..room])?;
        if length == 0 {
            return Ok(None);
        }
        request.extend_from_slice(&buffer[..length]);
        if let Some(request) = http::parse(request) {
            return Ok(Some(answer(request, pages)));
        }
    }
}

/// The answer to a request.
fn answer(request: http::Request, pages: &mut Pages) -> State {
    let found = request.wanted.and_then(|format| {
        let page = pages.page(format).map_err(|_| Refusal::Failed)?;
        Ok((http::found(format, page.len()), page))
    });
    let (head, body) = found.unwrap_or_else(|why| {
        let (head, body) = http::refused(why);
        (head, body.into())
    });
    let body = if request.is_head { "".into() } else { body };
    let sent = 0;
    State::Writes { head, body, sent }
}

/// Sends what is left of an answer, and then the end.
fn write(
    stream: &mut TcpStream,
    head: &str,
    body: &str,
    sent: &mut usize,
) -> io::Result<Option<State>> {
    loop {
        let rest = match head.as_bytes().get(*sent..) {
            Some(rest) if !rest.is_empty() => rest,
            _ => body
                .as_bytes()
                .get(*sent - head.len()..)
                .unwrap_or_default(),
        };
        if rest.is_empty() {
            stream.shutdown(Shutdown::Write)?;
            return Ok(Some(State::Lingers(LINGER_BYTES)));
        }
        match stream.write(rest)? {
            0 => return Ok(None),
            length => *sent += length,
        }
    }
}

/// Reads what the client still sends, to its end.
fn linger(stream: &mut TcpStream, left: &mut usize) -> io::Result<Option<State>> {
    let mut buffer = [0; 1024];
    loop {
        let length = stream.read(&mut buffer)?;
        *left = left.saturating_sub(length);
        if length == 0 || *left == 0 {
            return Ok(None);
        }
    }
}

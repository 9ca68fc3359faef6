//! `udpraw client`.

use std::io::{self, BufRead, BufReader, IsTerminal};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::fstat;
use udpraw::client::{Answer, Client, Event, Pace, Rate};
use udpraw::error::{Error, Result};
use udpraw::protocol::exchange::Ignored;
use udpraw::socket::{options::OptionValue, pause};

use crate::cli::args::client::ClientArguments;
use crate::cli::args::hex::unhex;
use crate::cli::closed;
use crate::cli::exit::{Exit, Failure, Outcome, unread};
use crate::cli::interrupt::{self, Interruptible};
use crate::cli::output::Output;
use crate::cli::output::client::Report;
use crate::cli::output::server as endpoint_report;

pub(crate) fn run(arguments: ClientArguments, output: &mut Output) -> Outcome {
    let servers = arguments.servers()?;
    let stop = interrupt::handle()?.stop;
    if arguments.stdin || arguments.count != 1 {
        interrupt::end_with_reader();
    }
    if arguments.stdin && io::stdin().is_terminal() && !arguments.quiet {
        output.note("each line that you type is sent; Ctrl-D ends it");
    }
    let is_unread = !arguments.stdin && arguments.message.is_none() && !arguments.quiet;
    let mut is_input_noted = is_unread && has_input();
    if is_input_noted {
        output.note(UNREAD);
    }
    let mut report = Report::new(output, arguments.quiet, arguments.verbose);
    let mut asked = Asked::default();
    let conversed = unread(converse(&arguments, servers, stop, &mut report, &mut asked))?;
    let is_read = conversed.is_some() && !interrupt::reader_left();
    if let (Some(Some((ignored, rate))), true) = (conversed, is_read) {
        unread(report.summary(asked.requests, asked.answered, ignored, rate))?;
    }
    // The writer of the pipe may have been slower than the start.
    is_input_noted |= !is_unread;
    if !is_input_noted && has_input() {
        report.output().note(UNREAD);
    }
    Ok(Exit::from(
        asked.requests > 0 && asked.answered == asked.requests,
    ))
}

/// The note about input that is not read.
const UNREAD: &str =
    "standard input is not read; use --stdin to send each of its lines, or --message TEXT";

/// Whether standard input is a pipe or a file with something in it. Nothing is read, and an idle pipe,
/// as a service or a script may pass on, has nothing.
fn has_input() -> bool {
    let stdin = io::stdin();
    let Ok(stat) = fstat(stdin.as_fd()) else {
        return false;
    };
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFREG => stat.st_size > 0,
        libc::S_IFIFO => {
            let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
            let is_ready = poll(&mut fds, PollTimeout::ZERO).is_ok();
            is_ready && (fds[0].revents()).is_some_and(|found| found.contains(PollFlags::POLLIN))
        }
        _ => false,
    }
}

/// What was ignored and the rate that was reached, if a summary is due.
type Account = Option<(Option<Ignored>, Option<Rate>)>;

/// Asks one request after the other.
fn converse(
    arguments: &ClientArguments,
    servers: Vec<SocketAddr>,
    stop: &AtomicBool,
    report: &mut Report<'_>,
    asked: &mut Asked,
) -> std::result::Result<Account, Failure> {
    let mut servers = servers.into_iter();
    let Some(mut server) = servers.next() else {
        return Ok(None);
    };
    let mut client = open(arguments, server, report)?;
    let mut pace = Pace::new(arguments.interval());
    for message in messages(arguments) {
        let message = message?;
        pause(pace.due(Instant::now()), stop)?;
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let is_first = asked.requests == 0;
        asked.requests += 1;
        pace.begin(Instant::now());
        let mut answer = ask(&mut client, &message, stop, report, asked)?;
        // A name's next address is tried while nobody has answered at any.
        while let (Answer::Refused(error), true, Some(next)) = (&answer, is_first, servers.next()) {
            report.next_address(server, error, next);
            server = next;
            client = open(arguments, server, report)?;
            answer = ask(&mut client, &message, stop, report, asked)?;
        }
        pace.end(Instant::now());
        report.answer(server, &answer)?;
    }
    report.output().unreported();
    let ignored = client.ignored();
    let is_noisy = ignored.is_some_and(|ignored| ignored.total() > 0);
    let is_due = arguments.stdin || arguments.count != 1 || report.is_json() || is_noisy;
    Ok(is_due.then_some((ignored, pace.rate())))
}

#[derive(Default)]
struct Asked {
    requests: u64,
    answered: u64,
}

fn open(
    arguments: &ClientArguments,
    server: SocketAddr,
    report: &mut Report<'_>,
) -> std::result::Result<Client, Failure> {
    let config = arguments.config(server)?;
    let settings: Vec<OptionValue> = config.settings.clone();
    let client = Client::new(config)?;
    if arguments.verbose {
        endpoint_report::socket(report.output(), client.endpoint(), &settings);
    }
    if arguments.connect {
        report.socket_name(client.endpoint().local_address()?)?;
    }
    Ok(client)
}

fn ask(
    client: &mut Client,
    message: &[u8],
    stop: &AtomicBool,
    report: &mut Report<'_>,
    asked: &mut Asked,
) -> std::result::Result<Answer, Failure> {
    let before = client.ignored();
    let mut is_answered = false;
    let answer = client.ask(message, stop, |event: &Event<'_>| {
        is_answered |= matches!(event, Event::Replied(_));
        report.event(event).map_err(Failure::from)
    });
    // Whether or not somebody reads the reply.
    asked.answered += u64::from(is_answered);
    let answer = answer?;
    match (before, client.ignored()) {
        (Some(before), Some(now)) => {
            let (estimate, timeout) = (client.estimate(), client.timeout());
            report.exchange(estimate, timeout, now.since(&before))?;
        }
        _ => report.estimate(client.estimate()),
    }
    Ok(answer)
}

/// What to send, one request after the other.
fn messages(arguments: &ClientArguments) -> Box<dyn Iterator<Item = Result<Vec<u8>>> + '_> {
    let hex = arguments.hex;
    if arguments.stdin {
        if let Err(error) = closed::check_input() {
            return Box::new(std::iter::once(Err(error)));
        }
        let lines = BufReader::new(Interruptible::new(io::stdin())).split(b'\n');
        return Box::new(lines.map(move |line| {
            let line = line.map_err(|source| Error::os("read", "standard input", source))?;
            if hex { unhex(&line) } else { Ok(line) }
        }));
    }
    Box::new((0..arguments.count).map(move |_| match &arguments.message {
        None => Ok(the_time().into_bytes()),
        Some(text) if hex => unhex(text.as_bytes()),
        Some(text) => Ok(text.clone().into_bytes()),
    }))
}

/// `The time is ` and the local time as Python's `str(datetime.now())` has it: the microseconds are
/// left out where they are zero.
fn the_time() -> String {
    let now = jiff::Zoned::now();
    let micros = now.subsec_nanosecond() / 1000;
    let seconds = now.strftime("%Y-%m-%d %H:%M:%S");
    match micros {
        0 => format!("The time is {seconds}"),
        _ => format!("The time is {seconds}.{micros:06}"),
    }
}

//! recvfrom waits: the process sleeps inside the call.

use std::time::{Duration, Instant};

use udpraw::error::Result;

use crate::cli::learn::stage::{Stage, expect};
use crate::cli::learn::{Chapter, Lesson, Show};

pub(super) const LESSON: Lesson = Lesson {
    name: "waiting",
    chapter: Chapter::Socket,
    words: |text| text.waiting(),
    answer: 1,
    run,
    attempt: "udpraw trace -- udpraw server",
    source: "recv(2); proc_pid_stat(5)",
};

/// How long the lesson waits for the process to fall asleep.
const LIMIT: Duration = Duration::from_secs(10);

fn run(show: &mut Show) -> Result<()> {
    let mut stage = Stage::open(&["server", "client"])?;
    stage.must(0, "socket")?;
    stage.must(0, "bind 127.0.0.1:0")?;
    let address = stage.must(0, "name")?.address()?;
    stage.must(1, "socket")?;
    let began = Instant::now();
    stage.begin(0, "recv")?;
    let state = asleep(address.port());
    stage.must(1, format_args!("send {address} wake up"))?;
    let datagram = stage.done(0)?.datagram()?;
    expect(
        datagram.text() == "wake up",
        "the datagram",
        datagram.text(),
    )?;
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Some(state) = state {
        expect(state == 'S', "a sleeping process", state)?;
        show.say(move |it| it.waiting_asleep(state));
    }
    show.say(move |it| it.waiting_woken(millis));
    show.close(stage);
    Ok(())
}

/// The state of the process that holds the port, once it sleeps in recvfrom(2). `None` if /proc cannot
/// tell.
fn asleep(port: u16) -> Option<char> {
    let snapshot = udpraw::ports::read(&[port]).ok()?;
    let socket = snapshot.sockets.iter().find(|it| it.local.port() == port)?;
    let pid = socket.owners.first()?.process.pid;
    let until = Instant::now() + LIMIT;
    loop {
        let call = std::fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
        let number = call.split(' ').next()?;
        let state = state(pid)?;
        if (state == 'S' && number == libc::SYS_recvfrom.to_string()) || Instant::now() > until {
            return Some(state);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The field `state` of /proc/PID/stat, behind the name in parentheses.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.chars().next()
}

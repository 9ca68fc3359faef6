//! An echo server on tokio, by tokio's UDP socket or by udpraw's, under one load generator.
//!
//!     tokio-echo --socket tokio|udpraw --outstanding N --time SECONDS [--size BYTES] [--cpus S,C]
//!
//! The server has a thread and a current-thread runtime of its own. The client is the same for both: a
//! thread that blocks in its receives, keeps N datagrams outstanding, and sends as many as were
//! answered by one call (`UDP_SEGMENT`), so that the server is what limits. Both servers' sockets have
//! the same buffers. `--cpus 0,1` pins the server to CPU 0 and the client to CPU 1.
//!
//! Prints one JSON line: echoes, seconds, the server thread's CPU seconds, and how many times nothing
//! came for a tenth of a second, when all that was outstanding is sent again.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use nix::unistd::Pid;
use udpraw::io::{BackendChoice, Transmit, Transport, TransportConfig, Wait};
use udpraw::socket::Endpoint;
use udpraw::socket::option::{SO_RCVBUF, SO_SNDBUF};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str = "usage: tokio-echo --socket tokio|udpraw --outstanding N --time SECONDS \
                     [--size BYTES] [--cpus S,C]";

/// When what is outstanding counts as lost.
const LOST: Duration = Duration::from_millis(100);

/// What is not counted at the start.
const WARM_UP: Duration = Duration::from_millis(100);

struct Options {
    socket: String,
    outstanding: usize,
    time: Duration,
    size: usize,
    cpus: Option<(usize, usize)>,
}

fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let options = parse(&words).ok_or(USAGE)?;
    let stop = Arc::new(AtomicBool::new(false));
    let (tell, told) = mpsc::channel();
    let server = {
        let (stop, socket, cpus) = (stop.clone(), options.socket.clone(), options.cpus);
        thread::spawn(move || -> Outcome<Duration> {
            pin(cpus.map(|cpus| cpus.0))?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build()?;
            let endpoint = bind()?;
            tell.send(endpoint.local_address()?)?;
            match socket.as_str() {
                "tokio" => runtime.block_on(serve_by_tokio(endpoint, &stop))?,
                _ => runtime.block_on(serve_by_udpraw(endpoint, &stop))?,
            }
            cpu_time()
        })
    };
    let address = told.recv().map_err(|_| "the server did not start")?;
    pin(options.cpus.map(|cpus| cpus.1))?;
    let result = load(address, &options);
    stop.store(true, Ordering::Relaxed);
    // What makes the server look.
    bind()?.send_to(b"stop", address)?;
    let cpu = server.join().map_err(|_| "the server panicked")??;
    let load = result?;
    println!(
        r#"{{"schema":"tokio-echo/1","socket":"{}","outstanding":{},"size":{},"echoes":{},"seconds":{:.6},"server_cpu_seconds":{:.6},"all_echoes":{},"stalls":{}}}"#,
        options.socket,
        options.outstanding,
        options.size,
        load.echoes,
        load.time.as_secs_f64(),
        cpu.as_secs_f64(),
        load.all_echoes,
        load.stalls,
    );
    Ok(())
}

fn parse(words: &[String]) -> Option<Options> {
    let mut options = Options {
        socket: String::new(),
        outstanding: 0,
        time: Duration::ZERO,
        size: 64,
        cpus: None,
    };
    for pair in words.chunks(2) {
        let [name, value] = pair else {
            return None;
        };
        match name.as_str() {
            "--socket" => options.socket = value.clone(),
            "--outstanding" => options.outstanding = value.parse().ok()?,
            "--time" => options.time = Duration::try_from_secs_f64(value.parse().ok()?).ok()?,
            "--size" => options.size = value.parse().ok()?,
            "--cpus" => {
                let (server, client) = value.split_once(',')?;
                options.cpus = Some((server.parse().ok()?, client.parse().ok()?));
            }
            _ => return None,
        }
    }
    let is_known = ["tokio", "udpraw"].contains(&options.socket.as_str());
    let fits = (1..=65_507).contains(&(options.outstanding * options.size));
    (is_known && fits && !options.time.is_zero()).then_some(options)
}

/// A socket whose buffers hold all that is outstanding.
fn bind() -> Outcome<Endpoint> {
    let mut endpoint = Endpoint::builder().bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    endpoint.set(SO_RCVBUF, TransportConfig::BULK_BUFFERS)?;
    endpoint.set(SO_SNDBUF, TransportConfig::BULK_BUFFERS)?;
    Ok(endpoint)
}

async fn serve_by_tokio(endpoint: Endpoint, stop: &AtomicBool) -> Outcome {
    let socket = std::net::UdpSocket::from(OwnedFd::from(endpoint));
    socket.set_nonblocking(true)?;
    let socket = tokio::net::UdpSocket::from_std(socket)?;
    let mut buffer = vec![0; 65_535];
    while !stop.load(Ordering::Relaxed) {
        let (length, from) = socket.recv_from(&mut buffer).await?;
        socket.send_to(&buffer[..length], from).await?;
    }
    Ok(())
}

async fn serve_by_udpraw(endpoint: Endpoint, stop: &AtomicBool) -> Outcome {
    let config = TransportConfig::default();
    let mut socket = udpraw::tokio::UdpSocket::open(endpoint, BackendChoice::Auto, config)?;
    while !stop.load(Ordering::Relaxed) {
        socket.recv(|message, queue| queue.echo(message)).await?;
        socket.flush().await.into_result()?;
    }
    Ok(())
}

struct Load {
    /// After the warm-up.
    echoes: u64,
    time: Duration,
    all_echoes: u64,
    stalls: u64,
}

/// Keeps datagrams outstanding for a time.
fn load(server: SocketAddr, options: &Options) -> Outcome<Load> {
    let endpoint = bind()?;
    let mut client = Transport::open(endpoint, BackendChoice::Auto, TransportConfig::default())?;
    let bytes = vec![7; options.size * options.outstanding];
    let (mut all_echoes, mut stalls, mut due) = (0_u64, 0_u64, options.outstanding);
    let begin = Instant::now();
    let mut start = None;
    loop {
        let transmit = Transmit::new(&bytes[..due * options.size])
            .to(server)
            .in_segments_of(options.size);
        client.send_queue().send(&transmit);
        client.flush().into_result()?;
        due = client.receive(Wait::For(LOST), |_, _| ())?;
        all_echoes += due as u64;
        if due == 0 {
            stalls += 1;
            due = options.outstanding;
        }
        // What came late, after a stall, is not answered twice.
        due = due.min(options.outstanding);
        let now = Instant::now();
        match start {
            None if now - begin >= WARM_UP => start = Some((now, all_echoes)),
            Some((start, before)) if now - start >= options.time => {
                return Ok(Load {
                    echoes: all_echoes - before,
                    time: now - start,
                    all_echoes,
                    stalls,
                });
            }
            _ => {}
        }
    }
}

fn pin(cpu: Option<usize>) -> Outcome {
    let Some(cpu) = cpu else {
        return Ok(());
    };
    let mut set = CpuSet::new();
    set.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &set)?;
    Ok(())
}

/// The CPU time of this thread, in user and kernel mode (getrusage(2)).
fn cpu_time() -> Outcome<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD)?;
    let micros = |time: TimeVal| (time.tv_sec() * 1_000_000 + time.tv_usec()).max(0) as u64;
    let both = micros(usage.user_time()) + micros(usage.system_time());
    Ok(Duration::from_micros(both))
}

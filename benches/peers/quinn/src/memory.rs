//! From memory to memory over loopback: quinn on its own socket, or on udpraw's.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use quinn::{
    AsyncUdpSocket, Endpoint, EndpointConfig, ServerConfig, TokioRuntime, TransportConfig,
};
use udpraw::socket::option::{SO_RCVBUF, SO_SNDBUF};

use crate::socket::{Receive, Socket};
use crate::{Outcome, certificate, runtime, trusting};

/// Bytes of each socket's buffers, as far as `rmem_max` and `wmem_max` allow.
const BUFFERS: usize = 4 << 20;

/// Whose socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// That of quinn-udp, which quinn comes with.
    Quinn,
    /// That of udpraw.
    Udpraw(Receive),
}

impl Kind {
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "quinn" => Self::Quinn,
            "udpraw" => Self::Udpraw(Receive::Lent),
            "udpraw-copy" => Self::Udpraw(Receive::Copied),
            _ => return None,
        })
    }
}

/// Sends `count` zeros over one stream, in datagrams of `mtu` bytes, from one thread to another one.
///
/// Prints the time from the first byte written to the acknowledgement of the last, and the CPU time of
/// the process meanwhile, which is that of both ends.
pub fn run(name: &str, kind: Kind, count: u64, mtu: u16) -> Outcome {
    let (tell, told) = mpsc::channel();
    let receiver = thread::spawn(move || -> Result<u64, String> {
        let receive = receive(kind, mtu, tell);
        runtime()
            .and_then(|runtime| runtime.block_on(receive))
            .map_err(|error| error.to_string())
    });
    let sent = match told.recv() {
        Ok(address) => runtime()?.block_on(send(name, kind, address, count, mtu)),
        Err(_) => Ok(()),
    };
    let received = receiver.join().map_err(|_| "the receiver panicked")??;
    sent?;
    if received != count {
        return Err(format!("{received} bytes of {count} arrived").into());
    }
    Ok(())
}

async fn receive(kind: Kind, mtu: u16, tell: mpsc::Sender<SocketAddr>) -> Outcome<u64> {
    let (certificate, key) = certificate()?;
    let mut config = ServerConfig::with_single_cert(vec![certificate], key)?;
    config.transport_config(transport(mtu));
    let endpoint = endpoint(kind, Some(config))?;
    tell.send(endpoint.local_addr()?)?;
    let incoming = endpoint.accept().await.ok_or("the endpoint was closed")?;
    let connection = incoming.await?;
    let mut stream = connection.accept_uni().await?;
    let mut bytes = 0;
    while let Some(chunk) = stream.read_chunk(usize::MAX, true).await? {
        bytes += chunk.bytes.len() as u64;
    }
    connection.closed().await;
    endpoint.wait_idle().await;
    Ok(bytes)
}

async fn send(name: &str, kind: Kind, to: SocketAddr, count: u64, mtu: u16) -> Outcome {
    let mut endpoint = endpoint(kind, None)?;
    let mut config = trusting()?;
    config.transport_config(transport(mtu));
    endpoint.set_default_client_config(config);
    let connection = endpoint.connect(to, "localhost")?.await?;
    let mut stream = connection.open_uni().await?;
    let block = vec![0; 1 << 20];

    let (start, cpu) = (Instant::now(), cpu_time()?);
    let mut left = count;
    while left > 0 {
        let part = block.len().min(usize::try_from(left)?);
        stream.write_all(&block[..part]).await?;
        left -= part as u64;
    }
    stream.finish()?;
    if let Some(code) = stream.stopped().await? {
        return Err(format!("the receiver stopped the stream: {code}").into());
    }
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_time()? - cpu);

    let stats = connection.stats();
    println!(
        r#"{{"schema":"quinn-peer.memory/1","event":"done","socket":"{name}","bytes":{count},"seconds":{seconds:.6},"cpu_seconds":{:.6},"datagrams":{},"sends":{},"lost":{},"mtu":{}}}"#,
        cpu.as_secs_f64(),
        stats.udp_tx.datagrams,
        stats.udp_tx.ios,
        stats.path.lost_packets,
        stats.path.current_mtu,
    );
    connection.close(0_u32.into(), b"");
    endpoint.wait_idle().await;
    Ok(())
}

/// The same socket options for both kinds, but for those that only one of them sets.
fn endpoint(kind: Kind, server: Option<ServerConfig>) -> Outcome<Endpoint> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut bound = Socket::bind(address)?;
    bound.set(SO_RCVBUF, BUFFERS)?;
    bound.set(SO_SNDBUF, BUFFERS)?;
    let (config, runtime) = (EndpointConfig::default(), Arc::new(TokioRuntime));
    Ok(match kind {
        Kind::Quinn => {
            let socket = UdpSocket::from(OwnedFd::from(bound));
            Endpoint::new(config, server, socket, runtime)?
        }
        Kind::Udpraw(how) => {
            let socket: Arc<dyn AsyncUdpSocket> = Arc::new(Socket::open(bound, how)?);
            Endpoint::new_with_abstract_socket(config, server, socket, runtime)?
        }
    })
}

/// Datagrams of one size, from the first to the last.
pub fn transport(mtu: u16) -> Arc<TransportConfig> {
    let mut config = TransportConfig::default();
    config
        .initial_mtu(mtu)
        .min_mtu(mtu)
        .mtu_discovery_config(None);
    Arc::new(config)
}

/// The CPU time of this process, in user and kernel mode (getrusage(2)).
fn cpu_time() -> Outcome<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    Ok(duration(usage.user_time()) + duration(usage.system_time()))
}

fn duration(time: TimeVal) -> Duration {
    let micros = time.tv_sec() * 1_000_000 + time.tv_usec();
    Duration::from_micros(micros.try_into().unwrap_or(0))
}

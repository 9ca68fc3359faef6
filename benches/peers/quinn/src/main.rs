//! One stream from here to there by QUIC: the peer of `udpraw send` and `udpraw recv`.
//!
//!     quinn-peer recv --listen ADDRESS
//!     quinn-peer send --to ADDRESS --bytes COUNT [--mtu BYTES]
//!     quinn-peer memory --socket quinn|udpraw|udpraw-copy --bytes COUNT [--mtu BYTES]
//!
//! What makes it a fair peer: quinn as it comes (CUBIC, its default windows, path MTU discovery and
//! offload as its defaults have them), the release profile of udpraw, one thread on each side as in
//! quinn's own bench, zeros from memory and into nothing. What differs: all is encrypted and
//! authenticated (AES-128-GCM by ring), as udpraw's transfers with a code are. The default windows of
//! quinn are for 100 Mbit/s at 100 ms: the receiver grants 1.25 MB to a stream.
//!
//! Each side prints one JSON line when it is done. The sender's clock runs from the first byte
//! written to the acknowledgement of the last; the handshake is told apart. The receiver's runs from
//! the first byte read to the last. The certificate is made at the start and is not verified.
//!
//! `memory` has both ends in one process, a thread and a current-thread runtime each, and quinn either
//! on its own socket or on that of udpraw (`src/socket.rs`). Datagrams are of one size (1,400 bytes).

mod memory;
mod socket;

use std::error::Error;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::crypto::rustls::QuicClientConfig;
use rustls::DigitallySignedStruct;
use rustls::SignatureScheme;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const USAGE: &str =
    "usage: quinn-peer recv --listen ADDRESS | quinn-peer send --to ADDRESS --bytes COUNT [--mtu BYTES]
     | quinn-peer memory --socket quinn|udpraw|udpraw-copy --bytes COUNT [--mtu BYTES]";

/// Who gives up, and when: a relay that loses much must not end it, an absent peer must.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["recv", "--listen", address] => runtime()?.block_on(receive(address.parse()?)),
        ["send", "--to", address, "--bytes", count, ref rest @ ..] => {
            let mtu = match rest {
                [] => None,
                ["--mtu", mtu] => Some(mtu.parse()?),
                _ => return Err(USAGE.into()),
            };
            runtime()?.block_on(send(address.parse()?, count.parse()?, mtu))
        }
        ["memory", "--socket", name, "--bytes", count, ref rest @ ..] => {
            let kind = memory::Kind::parse(name).ok_or(USAGE)?;
            let mtu = match rest {
                [] => 1400,
                ["--mtu", mtu] => mtu.parse()?,
                _ => return Err(USAGE.into()),
            };
            memory::run(name, kind, count.parse()?, mtu)
        }
        _ => Err(USAGE.into()),
    }
}

fn runtime() -> Outcome<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime)
}

/// A certificate for this run, and its key.
fn certificate() -> Outcome<(CertificateDer<'static>, PrivateKeyDer<'static>)> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    Ok((made.cert.der().clone(), key))
}

/// Takes one connection and its one stream, and throws the bytes away.
async fn receive(address: SocketAddr) -> Outcome {
    let (certificate, key) = certificate()?;
    let config = quinn::ServerConfig::with_single_cert(vec![certificate], key)?;
    let endpoint = quinn::Endpoint::server(config, address)?;
    println!(
        r#"{{"schema":"quinn-peer.recv/1","event":"listening","address":"{}"}}"#,
        endpoint.local_addr()?
    );

    let incoming = endpoint.accept().await.ok_or("the endpoint was closed")?;
    let connection = incoming.await?;
    let mut stream = connection.accept_uni().await?;
    let (mut bytes, mut start) = (0_u64, None);
    while let Some(chunk) = stream.read_chunk(usize::MAX, true).await? {
        start.get_or_insert_with(Instant::now);
        bytes += chunk.bytes.len() as u64;
    }
    done(
        "recv",
        bytes,
        start.map_or(Duration::ZERO, |at| at.elapsed()),
        "",
    );
    // The sender closes once it knows that all arrived.
    connection.closed().await;
    endpoint.wait_idle().await;
    Ok(())
}

/// Sends `count` zeros; with `mtu`, in datagrams of that size only.
async fn send(address: SocketAddr, count: u64, mtu: Option<u16>) -> Outcome {
    let any = match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let mut endpoint = quinn::Endpoint::client(any)?;
    let mut config = trusting()?;
    if let Some(mtu) = mtu {
        config.transport_config(memory::transport(mtu));
    }
    endpoint.set_default_client_config(config);

    let start = Instant::now();
    let connection = endpoint.connect(address, "localhost")?;
    let connection = tokio::time::timeout(PATIENCE, connection).await??;
    let handshake = start.elapsed();

    let start = Instant::now();
    let mut stream = connection.open_uni().await?;
    let block = vec![0; 1 << 20];
    let mut left = count;
    while left > 0 {
        let part = block.len().min(usize::try_from(left)?);
        stream.write_all(&block[..part]).await?;
        left -= part as u64;
    }
    stream.finish()?;
    // `None`: all was acknowledged, and nothing refused.
    if let Some(code) = stream.stopped().await? {
        return Err(format!("the receiver stopped the stream: {code}").into());
    }
    let took = start.elapsed();
    let stats = connection.stats();
    let more = format!(
        r#","handshake_seconds":{:.6},"lost":{},"mtu":{},"round_trip_seconds":{:.6}"#,
        handshake.as_secs_f64(),
        stats.path.lost_packets,
        stats.path.current_mtu,
        stats.path.rtt.as_secs_f64(),
    );
    done("send", count, took, &more);
    connection.close(0_u32.into(), b"");
    endpoint.wait_idle().await;
    Ok(())
}

fn done(side: &str, bytes: u64, took: Duration, more: &str) {
    let seconds = took.as_secs_f64();
    let megabits = match bytes as f64 * 8.0 / 1e6 / seconds {
        rate if rate.is_finite() => rate,
        _ => 0.0,
    };
    println!(
        r#"{{"schema":"quinn-peer.{side}/1","event":"done","bytes":{bytes},"seconds":{seconds:.6},"goodput_mbit_per_second":{megabits:.3}{more}}}"#
    );
}

/// A client that takes any certificate: who is asked is known by the address alone.
fn trusting() -> Outcome<quinn::ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    Ok(quinn::ClientConfig::new(Arc::new(
        QuicClientConfig::try_from(tls)?,
    )))
}

#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
